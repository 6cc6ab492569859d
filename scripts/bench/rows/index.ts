import type { Row } from '../measure/row.ts'
import { fanOut } from './fan-out.ts'
import { heartbeat } from './heartbeat.ts'
import { ranges, whole } from './images.ts'
import { latestVersion } from './latest-version.ts'
import { ndjson, verification } from './logs.ts'
import { memory } from './memory.ts'
import { reconnect } from './reconnect.ts'

/** Every row of the table, in its order. */
export const rows: Row[] = [heartbeat, latestVersion, ranges, whole, fanOut, memory, reconnect, ndjson, verification]
