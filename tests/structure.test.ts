import { describe, expect, test } from 'bun:test'
import { dirname, join, relative } from 'node:path'
import { Glob } from 'bun'
import { reservedNames } from '../src/features/accounts/usernames.ts'
import { topics } from '../src/mqtt/topics.ts'
import { testHub } from './support/hub.ts'

const src = join(import.meta.dir, '../src')
const files = [...new Glob('**/*.ts').scanSync(src)].toSorted()
const edges = new Set(['apis', 'mqtt'])

// Which layers a layer may import from, besides itself: imports point inwards.
const mayImport: Record<string, string[]> = {
  main: ['run', 'config', 'lib'],
  updraft: ['command', 'main', 'config'],
  command: ['features', 'db', 'blobs', 'config', 'lib'],
  run: ['app', 'http', 'hub', 'mqtt', 'config', 'features', 'lib'],
  app: ['apis', 'hub', 'lib'],
  http: ['app', 'hub', 'mqtt'],
  apis: ['hub', 'features', 'blobs', 'lib'],
  mqtt: ['hub', 'features', 'lib'],
  hub: ['features', 'db', 'blobs', 'config', 'lib'],
  features: ['db', 'blobs', 'lib'],
  blobs: ['lib'],
  db: ['lib'],
  config: ['lib'],
  lib: []
}

const layerOf = (path: string) => path.split('/')[0]?.replace(/\.ts$/, '') ?? ''

async function importsOf(file: string) {
  const text = await Bun.file(join(src, file)).text()
  const imports = [...text.matchAll(/^(?:import|export) (type )?[^'"]*?from '(\.[^']+)'/gms)]
  return imports.map(([statement, onlyTypes, target = '']) => ({
    statement,
    onlyTypes: onlyTypes !== undefined,
    path: relative(src, join(src, dirname(file), target))
  }))
}

describe('the tree', () => {
  test('is read at all', () => {
    expect(files.length).toBeGreaterThan(50)
  })

  test.each(files)('%s imports inwards only', async (file) => {
    const layer = layerOf(file)
    for (const { path, statement } of await importsOf(file)) {
      const target = layerOf(path)
      if (path.startsWith('..')) continue
      expect({ statement, allowed: target === layer || mayImport[layer]?.includes(target) === true }).toEqual({
        statement,
        allowed: true
      })
    }
  })

  test('one document does not import from another, nor an edge from the other', async () => {
    for (const file of files.filter((name) => edges.has(layerOf(name)))) {
      for (const { path, statement } of await importsOf(file)) {
        const [layer, folder] = file.split('/')
        const [target, other] = path.split('/')
        if (!edges.has(target ?? '')) continue
        expect({ statement, layer: target }).toEqual({ statement, layer })
        const inFolders = [folder, other].every((name) => name !== undefined && !name.endsWith('.ts'))
        if (layer === 'apis' && inFolders) expect({ statement, folder: other }).toEqual({ statement, folder })
      }
    }
  })

  test('every file is named in kebab-case and exports by name', async () => {
    for (const file of files) {
      expect(file).toMatch(/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*\.ts$/)
      expect(await Bun.file(join(src, file)).text()).not.toMatch(/^export default/m)
    }
  })
})

describe('names', () => {
  test('that the hub routes are reserved', async () => {
    await using hub = await testHub()
    const routed = hub.app.routes
      .map(({ path }) => path.split('/')[1] ?? '')
      .filter((segment) => segment !== '' && !segment.startsWith(':'))
    const inTopics = Object.values(topics)
      .map(({ pattern }) => pattern.split('/')[0] ?? '')
      .filter((level) => !level.startsWith(':'))
    expect([...routed, ...inTopics].filter((name) => !reservedNames.has(name))).toEqual([])
    expect(routed).toContain('devices')
  })
})
