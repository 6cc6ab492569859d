/** What the address of a release is made of. */
export type Addressed = { id: string; version: string; url: string | null; slug: string }

/** The last segment of a link to uploaded bytes: clients take the version from the text after the last `_`. */
export const fileNameOf = ({ slug, version }: Pick<Addressed, 'slug' | 'version'>) => `${slug}_${version}`

/** Where a release is to be had: the `url` that it was published by, or a link to its bytes on the hub, which clients reach as `base`. */
export const urlOf = (release: Addressed, base: string) => release.url ?? `${base}/downloads/${release.id}/${fileNameOf(release)}`
