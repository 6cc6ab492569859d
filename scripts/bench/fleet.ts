import { createHash } from 'node:crypto'

/** The user, whose team the measured devices are of, and the application that they run. */
export const owner = { username: 'bench', email: 'bench@example.org', password: 'correct horse battery' }
export const app = 'blinker'
export const board = 'esp8266'

/** A device's name by its number. */
export const nameOf = (number: number) => `d${number}`

/** A device's secret by its number: so that a load generator need not be told 100,000 of them. */
export const secretOf = (number: number) => createHash('sha1').update(`device ${number}`).digest('hex')

/** A desktop client's id by its number. */
export const clientOf = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

/** The topic on which a device is told of deployments. */
export const deploymentTopic = (number: number) => `${owner.username}/devices/${nameOf(number)}/deployment`

/** The topic on which a device is told to relaunch. */
export const relaunchTopic = (number: number) => `${owner.username}/devices/${nameOf(number)}/relaunch`
