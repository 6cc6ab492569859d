import type { Tables } from '../../db/tables.ts'

/** What desktop programs run on. */
export const architectures = ['x86_64-pc-windows-gnu', 'x86_64-unknown-linux-gnu'] as const
export type Architecture = (typeof architectures)[number]

/** A release as its application's team sees it: either its `url`, or the digest and size of the bytes that were uploaded. */
export type Release = {
  id: string
  architecture: string
  version: string
  url: string | null
  sha256: string | null
  size: number | null
  notes: string | null
  disabled: boolean
  successes: number
  failures: number
  createdAt: Date
}

/** What to select of `releases` for a `Release`. */
export const releaseColumns = ({ releases }: Pick<Tables, 'releases'>) => ({
  id: releases.id,
  architecture: releases.architecture,
  version: releases.version,
  url: releases.url,
  sha256: releases.sha256,
  size: releases.size,
  notes: releases.notes,
  disabled: releases.disabled,
  successes: releases.successes,
  failures: releases.failures,
  createdAt: releases.createdAt
})

/** What a client says that it runs. */
export type Running = { clientId: string; applicationId: string; architecture: Architecture; version: string }
