import { t } from 'elysia'
import { ownerPattern, repoPattern } from '../../features/github/release.ts'
import type { WatchedRepo } from '../../features/repos/watch-lists.ts'
import { described } from '../openapi.ts'

const repoName = t.String({ description: 'Name of the repo, as GitHub writes it', examples: ['Mailspring'] })
const ownerName = t.String({ description: 'Who owns it: a user or an organisation', examples: ['Foundry376'] })
const id = (description: string, example: string) => t.String({ pattern: '^[0-9a-f]{24}$', description, examples: [example] })

export const newRepo = t.Object({
  name: {
    ...repoName,
    pattern: repoPattern,
    title: 'Repo name is required',
    error: 'Repo name must be 1 to 100 letters, digits, ., - and _'
  },
  ownerName: {
    ...ownerName,
    pattern: ownerPattern,
    title: 'Repo owner name is required',
    error: 'Repo owner name must be 1 to 100 letters, digits, - and _'
  }
})

const asset = t.Object({
  name: t.String({ description: 'Name of the file', examples: ['mailspring-1.10.8-amd64.deb'] }),
  url: t.String({
    description: 'Where a browser gets it from GitHub',
    examples: ['https://github.com/Foundry376/Mailspring/releases/download/1.10.8/mailspring-1.10.8-amd64.deb']
  }),
  _id: id('Id of the asset', '642dc37cc80eb6212d262d7a')
})

/** A repo as document 001 writes it out. */
export const repo = t.Object({
  _id: id('Id of the repo: the same for all who watch it', '642dc37cc80eb6212d262d78'),
  name: repoName,
  ownerName,
  latestReleaseAssets: t.Array(asset, { description: 'The files of the latest release' }),
  currentVersion: t.String({
    description: 'The release that you are up to date with: the latest when you added the repo, then that of your last task',
    examples: ['1.10.8']
  }),
  latestVersion: t.String({ description: 'The tag of the latest release', examples: ['1.10.8'] })
})

const message = (sentence: string) => t.String({ description: 'Always the same', examples: [sentence] })

export const addedRepo = t.Object({
  message: message('Repo successfully added'),
  id: id('Id of the repo', '642dc37cc80eb6212d262d78')
})

export const checkedRepos = t.Object({
  message: message('All repos successfully checked for update'),
  failed: t.Optional(
    t.Array(t.Object({ name: repoName, ownerName, reason: described(t.String(), 'Why not', 'GitHub does not answer') }), {
      description: 'The repos of which there was no answer; left out when there was one of each'
    })
  )
})

export const removedRepo = t.Object({
  message: message('Repository successfully removed from the watch list'),
  removedRepo: described(repo, 'The repo as it was on your list')
})

/** Writes a repo out as its watcher sees it. */
export const repoOf = ({ id: _id, name, ownerName: owner, assets, currentVersion, latestVersion }: WatchedRepo) => ({
  _id,
  name,
  ownerName: owner,
  latestReleaseAssets: assets.map((one) => ({ name: one.name, url: one.url, _id: one.id })),
  currentVersion,
  latestVersion
})
