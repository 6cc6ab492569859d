import { HubError } from '../../lib/errors.ts'

/** Why a run came to nothing, in a sentence for its owner. */
export class RunFailure extends Error {
  override name = 'RunFailure'
}

/** The container engine does not answer: what it was asked may succeed later. */
export class EngineUnreachable extends RunFailure {
  override name = 'EngineUnreachable'
}

/** A container has written more than is kept of its output. */
export class LogOverflow extends RunFailure {
  override name = 'LogOverflow'
}

/** Gives an error of the engine's client as one that an owner may read; one of the hub's own as it is. */
export function asFailure(error: unknown) {
  if (error instanceof RunFailure || error instanceof HubError) return error
  const { statusCode, json, message } = error as { statusCode?: number; json?: unknown; message?: string }
  if (statusCode === undefined) return new EngineUnreachable('The container engine does not answer')
  return new RunFailure(oneLine(messageIn(json) ?? message ?? `status ${statusCode}`))
}

/** Whether the engine says that what was asked for is not there. */
export const isMissing = (error: unknown) => (error as { statusCode?: number }).statusCode === 404

function messageIn(json: unknown) {
  const { message } = (json ?? {}) as { message?: unknown }
  return typeof message === 'string' && message !== '' ? message : undefined
}

/** A text from outside as one line that fits a log. */
export const oneLine = (text: string) =>
  text
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 500)
