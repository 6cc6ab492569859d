import { eq } from 'drizzle-orm'
import type { Db } from '../../db/index.ts'
import { conflict, HubError, invalid, unauthorized } from '../../lib/errors.ts'
import type { MakeAccount } from './creation.ts'
import type { GithubOAuth, GithubProfile } from './github-oauth.ts'
import type { RateLimits } from './limits.ts'
import type { Tokens } from './tokens.ts'

const nameAtMost = 100

/** An account as anybody may see it. */
export type Profile = { id: string; name: string; avatarUrl: string | null }

export type GithubAccounts = ReturnType<typeof createGithubAccounts>

type Needs = { db: Db; tokens: Tokens; limits: RateLimits; github: GithubOAuth; make: MakeAccount }

/** Sign-in with GitHub: whoever comes by a GitHub account for the first time gets an account of their own. */
export function createGithubAccounts({ db, tokens, limits, github, make }: Needs) {
  const { users } = db.tables
  const shown = { id: users.id, name: users.name, avatarUrl: users.avatarUrl }

  async function known({ id, avatarUrl }: GithubProfile): Promise<Profile | undefined> {
    const [user] = await db.read.select(shown).from(users).where(eq(users.githubId, id))
    if (!user || user.avatarUrl === avatarUrl) return user
    await db.write(({ tx }) => tx.update(users).set({ avatarUrl }).where(eq(users.id, user.id)))
    return { ...user, avatarUrl }
  }

  /** An access token, also for a user who has a password besides. */
  async function tokenFor(id: string) {
    const [user] = await db.read.select({ id: users.id, passwordHash: users.passwordHash }).from(users).where(eq(users.id, id))
    if (!user) throw unauthorized()
    return tokens.issue(user)
  }

  /**
   * A new account, by the verified email, or by the one that GitHub gives everybody where somebody has the former here. That one's
   * email nobody has verified: sharing the account would let in who has registered with another's email beforehand.
   */
  async function made(profile: GithubProfile, address: string): Promise<Profile> {
    const { id: githubId, login, avatarUrl } = profile
    await limits.registration(address)
    const name = displayName(profile)
    for (const email of [profile.email, `${githubId}+${login}@users.noreply.github.com`]) {
      try {
        const { id } = await make({ githubId, login, email, avatarUrl, name, passwordHash: '', role: 'USER' })
        return { id, name, avatarUrl }
      } catch (error) {
        if (!(error instanceof HubError) || error.kind !== 'conflict') throw error
        const user = await known(profile) // the same user, signing in twice at once
        if (user) return user
      }
    }
    throw conflict('Another account has both emails of this GitHub account')
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
      const user = (await known(profile)) ?? (await made(profile, address))
      return { token: await tokenFor(user.id), user }
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
