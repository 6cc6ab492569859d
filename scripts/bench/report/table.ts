import type { Measured, Result } from '../measure/rounds.ts'
import type { Machine } from '../measure/usage.ts'

/** Lines of cells as a table: the first column to the left, the others to the right. */
export function align(lines: string[][]) {
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  return lines.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  )
}

/** A number with as many digits as say something. */
export function readable(value: number) {
  if (Number.isNaN(value)) return '-'
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en')
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2)
}

const quantity = (value: number | undefined, unit: string) =>
  value === undefined ? '' : `${readable(value)}${unit === '' ? '' : ` ${unit}`}`

/** How a figure stands to its bars. */
export function verdict({ bars, better, hub, ratio }: Measured) {
  if (!bars) return ''
  const value = bars.of === 'ratio' ? ratio : hub
  if (value === undefined || Number.isNaN(value)) return ''
  const holds = (bar: number) => (better === 'more' ? value >= bar : value <= bar)
  if (holds(bars.reach)) return 'reached'
  return holds(bars.floor) ? 'floor held' : 'BELOW FLOOR'
}

function figureLine(figure: Measured) {
  const { what, unit, bars, better, hub, peer, ratio, spread } = figure
  const bar = (value: number | undefined) =>
    value === undefined ? '' : `${better === 'more' ? '≥' : '≤'} ${quantity(value, bars?.of === 'hub' ? unit : '')}`
  return [
    `  ${what}`,
    quantity(hub, unit),
    quantity(peer, unit),
    quantity(ratio, ''),
    spread ? spread.map(readable).join('–') : '',
    bar(bars?.floor),
    bar(bars?.reach),
    verdict(figure)
  ]
}

const header = ['', 'hub', 'peer', 'hub/peer', 'rounds', 'floor', 'reach', '']

/** The results as a table, each row with what it is held against above its figures. */
export function resultTable(results: Result[]) {
  const blocks = results.map((result) => ({ result, lines: result.figures.map(figureLine) }))
  const aligned = align([header, ...blocks.flatMap(({ lines }) => lines)])
  const text = [aligned.shift() ?? '']
  for (const { result, lines } of blocks) {
    text.push('', `${result.title}${result.against ? `, against ${result.against}` : ''}`)
    text.push(...aligned.splice(0, lines.length))
    if (result.obstacle !== undefined) text.push(`  not measured: ${result.obstacle}`)
    text.push(...result.limits.map((limit) => `  note: ${limit}`))
  }
  return text.join('\n')
}

/** The machine in a line. */
export const machineLine = ({ cores, memoryGib, cpu, bun, date }: Machine) =>
  `${date}, ${cores} cores (${cpu}), ${memoryGib} GiB of memory, Bun ${bun}`
