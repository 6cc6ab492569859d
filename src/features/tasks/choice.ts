type Named = { name: string }
type Wanted = { releaseAsset: string; madeFor: string }

/**
 * The asset of a release that a task is for: the one of that name; else the one whose name differs by the version alone;
 * else the first that the name fits as a pattern, in which `*` stands for anything.
 */
export function chooseAsset<A extends Named>(assets: A[], version: string, { releaseAsset, madeFor }: Wanted): A | undefined {
  const named = (name: string) => assets.find((asset) => asset.name === name)
  const inThisRelease = releaseAsset.replaceAll(plain(madeFor), plain(version))
  return named(releaseAsset) ?? named(inThisRelease) ?? assets.find(({ name }) => fits(releaseAsset, name))
}

/** A version as it stands in names of files: tags often have a `v` before it. */
export const plain = (version: string) => version.replace(/^v(?=\d)/i, '')

/** In time that grows with the length of the name alone, whatever the pattern. */
function fits(pattern: string, name: string) {
  const [first = '', ...parts] = pattern.split('*')
  const last = parts.pop()
  if (last === undefined || !name.startsWith(first)) return false
  let at = first.length
  for (const part of parts) {
    const found = name.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return name.length - last.length >= at && name.endsWith(last)
}
