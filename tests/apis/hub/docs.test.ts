import { describe, expect, test } from 'bun:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import Schema from 'typebox/schema'
import { deploy, testDevice, testHub } from '../../support/hub.ts'
import {
  answersOf,
  contentOf,
  type Document,
  errorsIn,
  exampleOf,
  mediaTypesOf,
  operationsOf,
  readDocument,
  type SchemaObject,
  schemasOf
} from './docs-reader.ts'

const publicRoutes = [
  'GET /health',
  'GET /health/ready',
  'GET /health/live',
  'POST /register',
  'POST /login',
  'POST /auth',
  'POST /v1/login',
  'GET /login/github',
  'GET /v1/users/{id}',
  'GET /v1/packages',
  'GET /v1/packages/{id}',
  'GET /v1/packages/{id}/versions',
  'GET /v1/packages/{id}/maintainers',
  'GET /v1/packages/{id}/recipes/{version}',
  'GET /v1/archives/{id}',
  'PUT /devices/{secret}/heartbeat',
  'GET /devices/{secret}/image',
  'POST /applications/latest-version',
  'POST /builds/success',
  'POST /builds/failure',
  'GET /downloads/{id}/{name}'
]

const withGithubToken = [{ access_token: [], github: [] }, { access_token: [] }, { bearer: [] }]
const publisherSchemes = [{ access_token: [] }, { bearer: [] }, { api_key: [] }]

/** What routes ask for that ask for more than an access token, or for something else. */
const otherSchemes: Record<string, object[]> = {
  'GET /metrics': [{ metrics: [] }, {}],
  'PUT /v1/archives/{id}': [{ upload: [] }],
  'POST /api/v1/logs': [{ api_key: [] }],
  'POST /repos': withGithubToken,
  'PATCH /repos': withGithubToken,
  'POST /applications/{id}/builds': publisherSchemes,
  'POST /apps/{app}/deployments': publisherSchemes,
  'POST /{team}/apps/{app}/deployments': publisherSchemes
}

const words = expect.stringMatching(/\w{3}/)

async function withDocument(check: (document: Document) => unknown) {
  await using t = await testHub()
  await check(await readDocument(t))
}

describe('GET /swagger/json', () => {
  test('is a valid OpenAPI 3.1 document', () =>
    withDocument(async (document) => {
      expect(await new Validator().validate(document)).toMatchObject({ valid: true })
      expect(document.openapi).toStartWith('3.1')
    }))

  test('lists every route that is not hidden, and no other', async () => {
    await using t = await testHub()
    const shown = t.app.routes.filter(({ hooks }) => hooks.detail?.hide !== true)
    const routes = shown.map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
    expect(
      operationsOf(await readDocument(t))
        .map(({ route }) => route)
        .sort()
    ).toEqual(routes.sort())
  })

  test('is the same on a hub that has been at work', async () => {
    await using fresh = await testHub()
    await using busy = await testHub()
    const user = await busy.user('ada')
    await testDevice(user, 'lamp', { app: 'blinker' })
    await deploy(user, 'blinker', new Uint8Array(8))
    expect(await readDocument(busy)).toEqual(await readDocument(fresh))
  })

  test('says of every operation what it does, under a described tag', () =>
    withDocument((document) => {
      const described = new Set(document.tags.filter(({ description }) => description).map(({ name }) => name))
      const operations = operationsOf(document)
      for (const { route, summary, description, tags } of operations) {
        expect([route, summary, description]).toEqual([route, words, words])
        expect([route, tags?.filter((tag) => described.has(tag)).length]).toEqual([route, 1])
      }
      const ids = operations.map(({ operationId }) => operationId)
      expect(new Set(ids.filter(Boolean)).size).toBe(operations.length)
    }))

  test('describes every parameter, and has an example where one is required', () =>
    withDocument((document) => {
      for (const { route, parameters } of operationsOf(document)) {
        const inPath = [...route.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
        expect(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(inPath)
        for (const { name, description, required, example } of parameters) {
          expect([route, name, description]).toEqual([route, name, words])
          if (required) expect([route, name, example]).toEqual([route, name, expect.stringMatching(/\w/)])
        }
      }
    }))

  test('has for every body an example that fits it, and a description of every field', () =>
    withDocument((document) => {
      const bodies = operationsOf(document).flatMap(({ route, requestBody }) => contentOf(route, requestBody?.content))
      expect(bodies.length).toBeGreaterThan(20)
      for (const body of bodies) expectToBeExplained(body)
    }))

  test('describes every answer and every field of it, with examples that fit', () =>
    withDocument((document) => {
      for (const { route, status, description, content } of answersOf(document)) {
        expect([route, status, description]).toEqual([route, status, words])
        if (status < 300) contentOf(`${route} ${status}`, content).forEach(expectToBeExplained)
      }
      const done = answersOf(document).filter(({ status }) => [200, 201, 202, 204].includes(status))
      expect(done.map(({ route }) => route).toSorted()).toEqual(routesOf(document))
    }))

  test('asks for a token where one is needed, and nowhere else', () =>
    withDocument((document) => {
      const schemes = Object.keys(document.components.securitySchemes)
      expect(schemes).toEqual(['access_token', 'bearer', 'upload', 'api_key', 'github', 'metrics'])
      expect(document.security).toBeUndefined()
      const operations = operationsOf(document)
      expect(
        operations
          .filter(({ security }) => !security)
          .map(({ route }) => route)
          .sort()
      ).toEqual(publicRoutes.toSorted())
      for (const { route, security, responses } of operations.filter((operation) => operation.security)) {
        expect([route, security]).toEqual([route, otherSchemes[route] ?? [{ access_token: [] }, { bearer: [] }]])
        expect([route, Object.keys(responses)]).toEqual([route, expect.arrayContaining(['401'])])
      }
    }))

  test('says every error in the shape of its document', () =>
    withDocument((document) => {
      const errors = answersOf(document).filter(({ status }) => status >= 400 && status !== 416)
      const mayFail = routesOf(document).filter((route) => route !== 'GET /health/live') // it looks at nothing
      expect([...new Set(errors.map(({ route }) => route))].toSorted()).toEqual(mayFail)
      for (const { route, tags, status, content } of errors) {
        const shape = shapeOf(tags?.[0] ?? '')
        const said = errorsIn(content)
        const properties = Object.keys(content?.['application/json']?.schema.properties ?? {})
        expect([route, status, properties, said.length > 0]).toEqual([route, status, shape, true])
        for (const body of said) expect([route, Object.keys(body), body.error ?? body.message]).toEqual([route, shape, words])
      }
    }))

  test('holds nothing that only the hub reads', () =>
    withDocument((document) => {
      const keywords = new Set(schemasOf(document).flatMap(Object.keys))
      expect(keywords).toContain('examples')
      expect(['error', 'title', 'nullable', 'anyOf', 'const'].filter((name) => keywords.has(name))).toEqual([])
      expect(operationsOf(document).filter((operation) => 'x-errors' in operation)).toEqual([])
      expect([...mediaTypesOf(document)].toSorted()).toEqual([
        'application/json',
        'application/octet-stream',
        'application/x-ndjson',
        'application/x-www-form-urlencoded',
        'multipart/form-data',
        'text/event-stream',
        'text/plain'
      ])
    }))
})

/** The fields of an error in the document that a tag is of. */
function shapeOf(tag: string) {
  if (tag.startsWith('fleet:')) return ['error', 'reasons']
  return tag.startsWith('administration:') ? ['success', 'message'] : ['message']
}

const routesOf = (document: Document) =>
  operationsOf(document)
    .map(({ route }) => route)
    .toSorted()

function expectToBeExplained({ where, schema }: { where: string; schema: SchemaObject }) {
  for (const [name, part] of Object.entries(schema.properties ?? {})) {
    const list = part.type === 'array'
    if (!list || part.description) expect([where, name, part.description]).toEqual([where, name, words])
    expectToBeExplained({ where: `${where} ${name}`, schema: part.items ?? part })
  }
  if (schema.properties || schema.format === 'binary') return
  const example = exampleOf(schema)
  expect([where, example]).not.toEqual([where, undefined])
  expect([where, Schema.Check(schema, example)]).toEqual([where, true])
}
