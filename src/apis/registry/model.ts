import { t } from 'elysia'
import { packageNameMaxLength, packageNamePattern } from '../../features/packages/terms.ts'
import { versionMaxLength, versionPattern } from '../../lib/versions.ts'
import { described } from '../openapi.ts'

const userId = '0199a2c4-7d1e-7c3a-9b52-4f6e8d0a1b2c'
const packageId = '0199a2c9-1b7a-7f10-8a51-2d90c1f35e77'
const recipeId = '0199a2ca-55c0-7b0e-9d3f-61c2a7e4b810'
const lua = `name = 'zlib'\nversion = '1.3.1'\n\nfunction build(dirs, config)\n  return true\nend\n`

const plainText = (field: string, maxLength: number) =>
  t.String({
    minLength: 1,
    maxLength,
    pattern: '^[^\\u0000-\\u001f\\u007f]+$',
    title: `${field} is required`,
    error: `${field} must be a text of 1 to ${maxLength} characters`
  })

export const login = t.Object({
  provider: t.Literal('github', {
    title: 'provider is required',
    error: 'provider must be github',
    description: 'Who knows the user',
    examples: ['github']
  }),
  code: described(plainText('code', 512), 'What GitHub has given the browser', '4d51b1ff0f4c3a9c7d2e'),
  state: described(
    plainText('state', 2048),
    'What `GET /login/github` gave: it holds for 10 minutes, and for this hub',
    'eyJhbGciOi…'
  )
})

const avatarUrl = t.Union([t.String(), t.Null()], {
  description: 'A link to the avatar picture; null where there is none',
  examples: ['https://avatars.githubusercontent.com/u/583231']
})

export const user = t.Object({
  id: t.String({ format: 'uuid', description: 'Id of the user', examples: [userId] }),
  name: t.String({ description: 'Full name, as given to GitHub or on registering', examples: ['Ada Lovelace'] }),
  avatarUrl
})

export const loggedIn = t.Object({
  token: t.String({
    description: 'An access token, good for 24 hours',
    examples: ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMTk5In0.5mhGp0s2n7yN']
  }),
  user: described(user, 'Who has signed in')
})

export const begun = t.Object({
  url: t.String({
    description: 'Where to send the browser',
    examples: ['https://github.com/login/oauth/authorize?response_type=code&client_id=…&state=…&code_challenge=…']
  }),
  state: t.String({
    description: 'What comes back with the browser: compare it, then send it to `POST /v1/login`',
    examples: ['eyJhbGciOi…']
  })
})

// A key is deleted by its name in the path, from which clients take out dots that stand alone.
const keyName = { ...plainText('name', 100), pattern: '^(?!\\.{1,2}$)[^\\u0000-\\u001f\\u007f]+$' }

export const newKey = t.Object({ name: described(keyName, 'Unique among your keys', 'laptop') })
export const madeKey = t.Object({
  name: t.String({ description: 'As given', examples: ['laptop'] }),
  key: t.String({ description: 'The key, shown this once', examples: ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMTk5In0.Yx3kD9qLw0Zs'] })
})
export const keys = t.Object({
  cliKeys: t.Array(
    t.Object({
      name: t.String({ description: 'Its name', examples: ['laptop'] }),
      key: t.String({ description: 'Its beginning and its end', examples: ['eyJhbG...Lw0Zs7'] })
    }),
    { description: 'Your keys, by name' }
  )
})

export const newPackage = t.Object({
  name: t.String({
    pattern: packageNamePattern,
    maxLength: packageNameMaxLength,
    title: 'name is required',
    error: `name must begin with a small letter and have at most ${packageNameMaxLength} small letters, digits, - and _`,
    description: 'Unique in the registry',
    examples: ['zlib']
  })
})

const versionText = t.String({ description: 'A semantic version', examples: ['1.3.1'] })

export const oneOfPackages = t.Object({
  id: t.String({ description: 'Id of the package', examples: [packageId] }),
  name: t.String({ description: 'Its name', examples: ['zlib'] }),
  maintainerId: t.String({ description: 'Id of the user who made it', examples: [userId] }),
  versions: t.Array(versionText, { description: 'What is offered, newest first' })
})

export const versions = t.Array(versionText, { description: 'Newest first' })

export const pageOfPackages = t.Object({
  packages: t.Array(oneOfPackages, { description: 'By name; of each the newest 20 versions' }),
  next: t.Union([t.String(), t.Null()], {
    description: 'Give it as `cursor` for the next page; null on the last',
    examples: [null]
  })
})

export const maintainers = t.Object({ maintainers: t.Array(user, { description: 'Who may publish, by username' }) })

export const newRecipe = t.Object({
  version: t.String({
    pattern: versionPattern,
    maxLength: versionMaxLength,
    title: 'version is required',
    error: 'version must be a version (Semantic Versioning 2.0.0)',
    description: 'A semantic version',
    examples: ['1.3.1']
  }),
  revision: t.String({
    pattern: '^[a-zA-Z0-9][a-zA-Z0-9._+-]*$',
    maxLength: 64,
    title: 'revision is required',
    error: 'revision must begin with a letter or digit and have at most 64 letters, digits, ., _, + and -',
    description: 'Unique in the version',
    examples: ['1']
  }),
  recipe: t.String({
    minLength: 1,
    title: 'recipe is required',
    error: 'recipe must be a text, in Lua',
    description: 'Lua 5.3, at most 128 KiB',
    examples: [lua]
  }),
  arUpload: t.Optional(
    t.BooleanString({
      error: 'arUpload must be true or false',
      description: 'Whether an archive belongs to it: then the recipe is offered once that is uploaded',
      examples: [true]
    })
  )
})

const ofRecipe = {
  id: t.String({ description: 'Id of the recipe', examples: [recipeId] }),
  packageId: t.String({ description: 'Id of the package', examples: [packageId] }),
  version: versionText,
  revision: t.String({ description: 'Its revision', examples: ['1'] }),
  recipe: t.String({ description: 'The recipe, to the letter', examples: [lua] }),
  maintainerId: t.String({ description: 'Id of the user who has published it', examples: [userId] }),
  created: t.String({ format: 'date-time', description: 'When it was published', examples: ['2026-03-01T12:00:00.000Z'] })
}

export const publishedRecipe = t.Object({
  ...ofRecipe,
  arUploadToken: t.Optional(
    t.String({
      description: 'With `arUpload`: to upload the archive with, once, within 10 minutes',
      examples: ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMTk5In0.q8Zt1']
    })
  ),
  arUploadUrl: t.Optional(
    t.String({
      description: 'With `arUpload`: where to PUT the archive',
      examples: [`http://127.0.0.1:3000/v1/archives/${recipeId}`]
    })
  )
})

const arDownload = t.String({ description: 'Where the archive is', examples: [`http://127.0.0.1:3000/v1/archives/${recipeId}`] })

export const recipe = t.Object({
  ...ofRecipe,
  arDownload: t.Optional(described(arDownload, 'Where the archive is, if there is one')),
  yanked: t.Optional(t.Boolean({ description: 'There, and true, where the version is yanked', examples: [true] }))
})

export const storedArchive = t.Object({
  size: t.Integer({ description: 'How many bytes have come', examples: [52_428_800] }),
  sha256: t.String({ description: 'Their SHA-256, in hex', examples: ['9f86d081884c7d65'.repeat(4)] }),
  arDownload
})
