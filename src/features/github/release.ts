import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { storable } from '../../lib/text.ts'

const assetsAtMost = 1000
const number = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

const Asset = Type.Object({
  id: number,
  // It becomes the name of a file.
  name: Type.String({ maxLength: 255, pattern: '^(?!\\.{1,2}$)[^/\\\\\\u0000-\\u001f\\u007f]+$' }),
  size: number,
  state: Type.Optional(Type.String()),
  browser_download_url: Type.String({ maxLength: 2048, pattern: '^https?://[^\\s\\u0000-\\u001f]+$' }),
  digest: Type.Optional(Type.Unknown())
})

/** What is read of GitHub's answer. */
const Answer = Type.Object({
  tag_name: Type.String({ maxLength: 255, pattern: '^[^\\u0000-\\u001f\\u007f]+$' }),
  url: Type.Optional(Type.String({ maxLength: 2048 })),
  assets: Type.Array(Asset, { maxItems: assetsAtMost })
})

/** An asset as GitHub has it. `digest`: its SHA-256, where GitHub says it. */
export type ReleaseAsset = { githubId: number; name: string; url: string; size: number; digest: string | null }

/** The latest release of a repo, under the name that GitHub has for the repo now. */
export type LatestRelease = { ownerName: string; name: string; version: string; assets: ReleaseAsset[] }

export type RepoName = { ownerName: string; name: string }

/** What GitHub lets an owner and a repo be called. */
export const ownerPattern = '^[a-zA-Z0-9][a-zA-Z0-9_-]{0,99}$'
export const repoPattern = '^(?!\\.{1,2}$)[a-zA-Z0-9._-]{1,100}$'

const ownAddress = /\/repos\/(?<ownerName>[^/]+)\/(?<name>[^/]+)\/releases\/\d+$/
const isName = ({ ownerName, name }: RepoName) => new RegExp(ownerPattern).test(ownerName) && new RegExp(repoPattern).test(name)

/** Reads GitHub's answer; undefined where it makes no sense. `asked`: the name by which it was asked for. */
export function readRelease(answer: unknown, asked: RepoName): LatestRelease | undefined {
  if (!Value.Check(Answer, answer)) return undefined
  const { tag_name: version, url, assets } = answer
  const there = assets.filter(({ state = 'uploaded' }) => state === 'uploaded')
  return { ...nameIn(url, asked), version: storable(version), assets: there.map(readAsset) }
}

/** The release's own address has the name as it is written, and as it is where the repo was renamed. */
function nameIn(url: string | undefined, { ownerName, name }: RepoName): RepoName {
  const given = url?.match(ownAddress)?.groups as RepoName | undefined
  return given && isName(given) ? { ownerName: given.ownerName, name: given.name } : { ownerName, name }
}

function readAsset({ id, name, size, browser_download_url: url, digest }: Static<typeof Asset>): ReleaseAsset {
  const [, sha256 = null] = (typeof digest === 'string' && digest.match(/^sha256:([0-9a-f]{64})$/)) || []
  return { githubId: id, name: storable(name), url, size, digest: sha256 }
}
