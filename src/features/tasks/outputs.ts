import { type Architecture, architectures } from '../releases/columns.ts'

const boards = ['esp8266']
const endings = '(?:\\.[A-Za-z0-9]{1,16}){0,2}'
const image = new RegExp(`.\\.(${boards.join('|')})\\.image$`)
const build = new RegExp(`.\\.(${architectures.join('|')})${endings}$`)

/** What a file in a task's output is for: an image of a board, or a desktop build. */
export type Purpose = { board: string; architecture?: undefined } | { architecture: Architecture; board?: undefined }

/** What a file is for, by its name: `<name>.<board>.image`, or `<name>.<architecture>` with up to two endings; undefined where it is neither. */
export function purposeOf(name: string): Purpose | undefined {
  const board = image.exec(name)?.[1]
  if (board !== undefined) return { board }
  const named = build.exec(name)?.[1]
  const architecture = architectures.find((one) => one === named)
  return architecture && { architecture }
}
