import { and, eq, isNull } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import { conflict, HubError, invalid } from '../../lib/errors.ts'
import type { Notices } from '../notices/service.ts'
import type { MakeAccount } from './creation.ts'
import type { GithubOAuth, GithubProfile } from './github-oauth.ts'
import type { RateLimits } from './limits.ts'
import type { Tokens } from './tokens.ts'

const nameAtMost = 100

/** An account as anybody may see it. */
export type Profile = { id: string; name: string; avatarUrl: string | null }

export type GithubAccounts = ReturnType<typeof createGithubAccounts>

type Needs = { db: Db; notices: Notices; tokens: Tokens; limits: RateLimits; github: GithubOAuth; make: MakeAccount }

/** Sign-in with GitHub: whoever GitHub knows by a verified email is the account with that email, or a new one. */
export function createGithubAccounts({ db, notices, tokens, limits, github, make }: Needs) {
  const { users } = db.tables
  const shown = { id: users.id, name: users.name, avatarUrl: users.avatarUrl }

  async function known({ id, avatarUrl }: GithubProfile): Promise<Profile | undefined> {
    const [user] = await db.read.select(shown).from(users).where(eq(users.githubId, id))
    if (!user || user.avatarUrl === avatarUrl) return user
    await db.write(({ tx }) => tx.update(users).set({ avatarUrl }).where(eq(users.id, user.id)))
    return { ...user, avatarUrl }
  }

  /** The account that has the email but has not been used with GitHub yet is the user's: GitHub has verified the email. */
  async function linked({ id: githubId, email, avatarUrl }: GithubProfile): Promise<Profile | undefined> {
    return db.write(async (change) => {
      await change.lockOrder() // whoever deletes the user has it first too
      const [user] = await change.tx
        .update(users)
        .set({ githubId, avatarUrl })
        .where(and(eq(users.emailKey, email.toLowerCase()), isNull(users.githubId)))
        .returning({ ...shown, username: users.username })
      if (!user) return undefined
      const { username, ...profile } = user
      const data = { username, provider: 'github' }
      await notices.record(change, { type: 'account.linked', userId: user.id, data })
      return profile
    })
  }

  async function made(profile: GithubProfile, address: string): Promise<Profile> {
    const { id: githubId, login, email, avatarUrl } = profile
    await limits.registration(address)
    const name = displayName(profile)
    try {
      const { id } = await make({ githubId, login, email, avatarUrl, name, passwordHash: '', role: 'USER' })
      return { id, name, avatarUrl }
    } catch (error) {
      if (!(error instanceof HubError) || error.kind !== 'conflict') throw error
      const user = await known(profile) // the same user, signing in twice at once
      if (!user) throw conflict('Another GitHub account has signed in here with this email')
      return user
    }
  }

  return {
    /** A sign-in to begin: the `state` that comes back with the browser, and where to send it. Throws `unavailable`. */
    async begin(returnTo: string) {
      const state = await tokens.issueState(returnTo)
      return { state, url: github.authorizationUrl({ state, returnTo, verifier: tokens.verifierOf(state) }) }
    },

    /**
     * Ends a sign-in with the code that GitHub has given the browser. Throws `invalid` for a `state` that is not of this hub
     * or too old, `unauthorized` for a code that does not hold, `forbidden` without a verified email, `tooMany`.
     */
    async finish({ code, state }: { code: string; state: string }, address: string) {
      await limits.beforeSignIn(address)
      const returnTo = await tokens.readState(state)
      if (returnTo === undefined) throw invalid('state is not of a sign-in that this hub has begun in the last 10 minutes')
      const profile = await github
        .profileFor(code, { state, returnTo, verifier: tokens.verifierOf(state) })
        .catch(async (error: unknown) => {
          if (error instanceof HubError && error.kind === 'unauthorized') await limits.failedSignIn(address)
          throw error
        })
      const user = (await known(profile)) ?? (await linked(profile)) ?? (await made(profile, address))
      return { token: await tokens.issue(user.id), user }
    }
  }
}

/** GitHub's name as a display name of the hub's. */
function displayName({ name, login }: GithubProfile) {
  const plain = name
    .toWellFormed()
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
  return Array.from(plain).slice(0, nameAtMost).join('') || login
}
