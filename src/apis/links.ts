import type { Hub } from '../hub.ts'

/** Under which address whoever sent a request reaches the hub: PUBLIC_URL, or else where the request went. */
export function baseOf({ config: { publicUrl, host, port } }: Hub, { headers }: Request) {
  return publicUrl ?? `http://${headers.get('host') ?? `${host}:${port}`}`
}
