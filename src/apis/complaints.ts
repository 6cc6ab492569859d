import type { Static } from '@sinclair/typebox'
import { getSchemaValidator, type TSchema } from 'elysia'
import { invalid } from '../lib/errors.ts'

/**
 * What is wrong with a value, a sentence for each field in the order of the schema. A field's `title` names it where it
 * is missing or empty, its `error` says what is wrong where it is there.
 */
export function complaintsOf(schema: TSchema, errors: Iterable<{ path: string; value: unknown }>) {
  const found = new Map<string, unknown>()
  for (const { path, value } of errors) {
    const field = path.split('/')[1] ?? ''
    if (!found.has(field)) found.set(field, value)
  }
  // Elysia reports a number in a query string that is out of bounds by the parameter's own schema.
  if (typeof schema.error === 'string') return [schema.error]
  const properties: Record<string, TSchema> = schema.properties ?? {}
  const sentences = Object.entries(properties)
    .filter(([field]) => found.has(field))
    .map(([field, property]) => sentenceFor(field, property, found.get(field)))
  return sentences.length > 0 ? sentences : ['The body must be an object']
}

function sentenceFor(field: string, property: TSchema, value: unknown): string {
  const isMissing = value === undefined || ((value === null || value === '') && property.title !== undefined)
  if (isMissing) return property.title ?? `${field} is required`
  return typeof property.error === 'string' ? property.error : `${field} is not valid`
}

/** Gives a function that lets through what fits a schema, and throws `invalid` with every complaint for what does not. */
export function checker<S extends TSchema>(schema: S): (value: unknown) => Static<S> {
  const validator = getSchemaValidator(schema, { additionalProperties: true })
  return (value) => {
    if (!validator.Check(value)) throw invalid('', complaintsOf(schema, validator.Errors(value)))
    return value
  }
}
