import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HttpLoad } from '../load/http.ts'
import type { Requests } from '../load/requests.ts'
import { type Context, httpFigures, type Row } from '../measure/row.ts'
import { startHub } from '../servers/hub.ts'
import { nginxMissing, startNginx } from '../servers/nginx.ts'
import { httpSide } from './http-side.ts'

const imageBytes = 4 * 1024 * 1024
const rangeBytes = 4096
const devices = 1000
const path = '/devices/{secret}/image'

/** A request for a random range of an image of that size. */
export const imageRanges = (count: number, size: number): Requests => ({
  method: 'GET',
  path,
  devices: count,
  ranges: { size, length: rangeBytes }
})

/** Both serve the same bytes; what is asked for differs in the path alone. */
async function open({ workplace, seconds }: Context, load: Omit<HttpLoad, 'port' | 'seconds'>) {
  const image = randomBytes(imageBytes)
  const file = join(workplace.folder('image'), 'image')
  writeFileSync(file, image)
  const [hub, nginx] = [await startHub(workplace, { devices, image }), await startNginx(workplace, file)]
  const plain = { ...load, requests: { ...load.requests, path: '/image' } }
  return {
    hub: await httpSide(workplace, hub, { ...load, seconds, port: hub.port }),
    peer: await httpSide(workplace, nginx, { ...plain, seconds, port: nginx.port })
  }
}

const against = 'nginx serving the same file, one worker, sendfile'

/** Parts of an image, as devices with little memory fetch it. */
export const ranges: Row = {
  name: 'ranges',
  title: 'image in random 4 KiB ranges, 32 connections',
  against,
  figures: httpFigures(1, 1.2),
  obstacle: nginxMissing,
  open: (context) => open(context, { connections: 32, status: 206, requests: imageRanges(devices, imageBytes) })
}

/** A whole image in one answer. */
export const whole: Row = {
  name: 'whole',
  title: 'image whole, 4 MiB, 8 connections',
  against,
  figures: httpFigures(1, 1.5),
  obstacle: nginxMissing,
  open: (context) => open(context, { connections: 8, status: 200, requests: { method: 'GET', path, devices } })
}
