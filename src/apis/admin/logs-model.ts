import { t } from 'elysia'
import { typeMaxLength, typePattern, typeRule } from './log-entry.ts'
import { plain, success } from './model.ts'

export const logTags = ['administration: logs']
export const pageAtMost = 500

const applicationId = '550e8400-e29b-41d4-a716-446655440000'
const logType = t.String({
  pattern: typePattern,
  maxLength: typeMaxLength,
  description: 'What kind of entry it is',
  examples: ['audit']
})

/** An entry as a program sends it; what it takes is read by `readEntry`. */
export const newEntry = t.Object({
  log_type: { ...logType, description: 'A name for the kind of entry, of your choice; `device` is for what devices say' },
  payload: t.Any({ description: 'Any JSON, kept as the text that it came as', examples: [{ user: 'ada', action: 'login' }] })
})

export const received = t.Object({
  success,
  message: t.String({ description: 'How much was stored', examples: ['1 entry stored'] }),
  data: t.Object(
    {
      accepted: t.Integer({ description: 'Entries stored', examples: [1] }),
      rejected: t.Array(
        t.Object({
          line: t.Integer({ description: 'Number of the line, from 1', examples: [7] }),
          message: t.String({ description: 'What is wrong with it', examples: ['log_type is required'] })
        }),
        { description: 'Lines that were not stored; the first 100 of them' }
      )
    },
    { description: 'What became of the entries' }
  )
})

const entry = t.Object({
  id: t.Integer({ description: 'Place among the entries of all applications', examples: [4711] }),
  application_id: t.Union([t.String(), t.Null()], { description: 'Whose entry it is', examples: [applicationId] }),
  device_id: t.Union([t.String(), t.Null()], { description: 'The device that said it; null for a program', examples: [null] }),
  log_type: { ...logType, description: '`device` for a line of a device, or else as sent' },
  payload: t.Any({ description: 'As sent; the text of a device’s line', examples: [{ user: 'ada', action: 'login' }] }),
  createdAt: t.String({ format: 'date-time', description: 'When the hub stored it', examples: ['2026-01-06T10:00:00.000Z'] }),
  seq: t.Union([t.Integer(), t.Null()], { description: 'Place in the chain of its application, from 1', examples: [42] }),
  hash: t.Union([t.String(), t.Null()], {
    description: 'What it is held by in the chain',
    examples: ['7Dcb27_Y7rc2rz8jYtsl16AT8OsobJmRHJQwdE0fhpo']
  })
})

export const listed = t.Object({
  success,
  data: t.Array(entry, { description: 'The entries of this page' }),
  next: t.Optional(t.String({ description: 'Give it as `cursor` for the next page; left out on the last', examples: ['4711'] }))
})

const ofApplication = t.String({
  maxLength: 64,
  pattern: plain,
  error: 'application_id is not valid',
  description: 'Id of an application'
})

export const listing = t.Object({
  application_id: t.Optional({ ...ofApplication, description: 'Only the entries of this application' }),
  log_type: t.Optional(
    t.String({ pattern: typePattern, maxLength: typeMaxLength, error: typeRule, description: 'Only entries of this type' })
  ),
  limit: t.Optional(
    t.Integer({
      minimum: 1,
      maximum: pageAtMost,
      error: `limit must be between 1 and ${pageAtMost}`,
      description: 'Entries on a page; 100 when left out'
    })
  ),
  cursor: t.Optional(
    t.String({
      pattern: '^\\d{1,15}$',
      error: 'cursor must be the next of an earlier page',
      description: '`next` of the page before'
    })
  ),
  follow: t.Optional(t.Boolean({ error: 'follow must be true or false', description: 'true streams what comes, as it comes' }))
})

export const verifying = t.Object({
  application_id: t.String({
    minLength: 1,
    maxLength: 64,
    pattern: plain,
    title: 'application_id is required',
    error: 'application_id is not valid',
    description: 'Id of the application, as listed',
    examples: [applicationId]
  })
})

export const verified = t.Object({
  success,
  data: t.Object(
    {
      application_id: t.String({ description: 'Whose log was checked', examples: [applicationId] }),
      intact: t.Boolean({ description: 'Whether every entry is there, unchanged and in its place', examples: [true] }),
      checked: t.Integer({ description: 'How many entries hold, from the first on', examples: [150] }),
      from: t.Integer({
        description: 'Place of the first of them; 0 where there is none. What was before has gone by LOG_RETENTION',
        examples: [1]
      }),
      to: t.Integer({ description: 'Place of the last of them', examples: [150] }),
      broken: t.Optional(
        t.Object(
          {
            seq: t.Integer({ description: 'The first place that does not hold', examples: [7] }),
            reason: t.String({ description: 'Why', examples: ['the entry is not what was stored'] })
          },
          { description: 'Only where the log is not intact' }
        )
      )
    },
    { description: 'What the check has found' }
  )
})

export const exampleLine =
  '{"id":4711,"application_id":"550e8400-e29b-41d4-a716-446655440000","device_id":null,"log_type":"audit","payload":{"user":"ada"},"createdAt":"2026-01-06T10:00:00.000Z","seq":42,"hash":"7Dcb27_Y7rc2rz8jYtsl16AT8OsobJmRHJQwdE0fhpo"}\n'
