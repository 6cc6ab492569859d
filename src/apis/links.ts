import type { Hub } from '../hub.ts'
import { originOf } from './forwarding.ts'

/** Under which address whoever sent a request reaches the hub: PUBLIC_URL, or else where the request went. */
export const baseOf = ({ config: { publicUrl }, address }: Hub, request: Request) => publicUrl ?? originOf(request) ?? address()
