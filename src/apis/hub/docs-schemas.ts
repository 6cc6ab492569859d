export type Schema = { [keyword: string]: unknown }

// What only the hub reads of a schema: the sentences for a missing and for a wrong field. Unknown fields are ignored everywhere.
const hints = new Set(['title', 'error', 'nullable', 'additionalProperties'])

/** A schema as the reader of the docs sees it: without the hub's own hints, and with its unions said more plainly. */
export function readable(schema: unknown): unknown {
  if (!isSchema(schema)) return schema
  const { anyOf, ...rest } = Object.fromEntries(Object.entries(schema).filter(([keyword]) => !hints.has(keyword)))
  return { ...mapParts(rest), ...(Array.isArray(anyOf) ? plainUnion(anyOf.filter(isSchema)) : {}) }
}

function mapParts({ properties, items, const: word, ...rest }: Schema): Schema {
  const named = isSchema(properties) ? Object.entries(properties).map(([name, part]) => [name, readable(part)]) : undefined
  return {
    ...rest,
    ...(word === undefined ? {} : { enum: [word] }),
    ...(named ? { properties: Object.fromEntries(named) } : {}),
    ...(items === undefined ? {} : { items: readable(items) })
  }
}

/** A union of words is an `enum`, "this or null" a type of two names: Swagger UI makes a choice and a field of them. */
function plainUnion(union: Schema[]): Schema {
  if (union.every((part) => 'const' in part)) return { type: 'string', enum: union.map((part) => part.const) }
  const [first, second, ...others] = union
    .filter((part) => !isNumberAsText(part))
    .map(readable)
    .filter(isSchema)
  if (first && !second) return first
  if (first && second?.type === 'null' && others.length === 0) return { ...first, type: [first.type, 'null'] }
  return { anyOf: union.map(readable) }
}

/** Elysia also takes numbers and truth values as text, for query strings. */
const isNumberAsText = ({ type, format }: Schema) =>
  type === 'string' && ['integer', 'numeric', 'boolean'].includes(String(format))

const isSchema = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value)
