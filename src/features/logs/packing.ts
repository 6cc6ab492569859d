/** What a device has reported, as it is kept until it has its place: who it is, by its number where it has one; when; lines. */
export type Report = [device: string | number, applicationId: string | null, at: number, ...lines: string[]]

/** In place of an application's id: that of the report before. */
const same = 0

type Packed = [device: string | number, applicationId: string | null | typeof same, at: number, ...lines: string[]]

const linesFrom = 3
const weightAtMost = 128 * 1024

/** The lines of a report. */
export const linesOf = (report: Report) => report.slice(linesFrom) as string[]

/** Reports as text, in pieces of a size that is read at once without holding up anybody. */
export const packed = (reports: Report[]) => inPieces(reports).map((piece) => JSON.stringify(piece.map(shortened)))

/** Most of those who report together run the same application. */
function shortened(report: Report, i: number, all: Report[]): Packed {
  if (i === 0 || report[1] !== all[i - 1]?.[1]) return report
  const short: Packed = [...report]
  short[1] = same
  return short
}

/** The reports of a piece of text. */
export function unpacked(text: string): Report[] {
  const reports = JSON.parse(text) as Packed[]
  let last: string | null = null
  for (const report of reports) {
    if (report[1] === same) report[1] = last
    else last = report[1]
  }
  return reports as Report[]
}

function inPieces(reports: Report[]) {
  const pieces: Report[][] = []
  let weight = weightAtMost
  for (const report of reports) {
    if (weight >= weightAtMost) {
      pieces.push([])
      weight = 0
    }
    pieces.at(-1)?.push(report)
    for (let i = linesFrom; i < report.length; i++) weight += String(report[i]).length
  }
  return pieces
}
