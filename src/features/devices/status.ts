import Type, { type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import { invalid } from '../../lib/errors.ts'

/** What a device reports of itself. `new` is said by no booted firmware, but the document lists it. */
export const StatusReport = Type.Object({
  status: Type.Union([Type.Literal('new'), Type.Literal('ready'), Type.Literal('running')]),
  deployment_id: Type.Optional(Type.Integer({ minimum: 1, maximum: 2_147_483_647 }))
})

export type StatusReport = Static<typeof StatusReport>

const statusReport = Compile(StatusReport)

/** What a report must be, as a sentence. */
export const statusRule = 'status must be new, ready or running; deployment_id, if given, an id'

/** Reads a report from a word such as `running`, with what runs beside it, or from JSON; throws `invalid` for anything else. */
export function readStatus(text: string, running?: string): StatusReport {
  const report: unknown = text.startsWith('{')
    ? parseObject(text)
    : { status: text.trim(), ...(running ? { deployment_id: Number(running) } : {}) }
  if (!statusReport.Check(report)) throw invalid('', [statusRule])
  return report
}

function parseObject(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('', ['the report is not JSON'])
  }
}
