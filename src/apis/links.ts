import type { Hub } from '../hub.ts'
import { originOf } from './forwarding.ts'

/** Under which address whoever sent a request reaches the hub: PUBLIC_URL, or else where the request went. */
export function baseOf({ config: { publicUrl, host, port } }: Hub, request: Request) {
  return publicUrl ?? originOf(request) ?? `http://${host}:${port}`
}
