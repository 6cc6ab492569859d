import { Elysia } from 'elysia'
import type { StoredFile } from '../../features/files/service.ts'
import type { Hub } from '../../hub.ts'
import { invalid } from '../../lib/errors.ts'
import { signedIn, userSecurity } from '../access.ts'
import { type Form, isForm, receiveFiles } from '../form.ts'
import { described, says, storeErrors } from '../openapi.ts'
import * as model from './model-tasks.ts'

const field = 'additionalFiles'

/** Receives the files of a form. They are the caller's to store, or to discard. */
export const receiveAdditional = (hub: Hub, request: Request) =>
  receiveFiles(request, { blobs: hub.blobs, field, limit: hub.config.fileMaxBytes })

/** Stores the files of a form for a user; `extract` says which are archives to unpack: `true` for all, or their names. */
export function storeFiles(hub: Hub, userId: string, { files, values }: Form): Promise<StoredFile[]> {
  const extract = values.get('extract') ?? []
  const isArchive = (name: string) => extract.includes('true') || extract.includes(name)
  return hub.files.add(
    userId,
    files.map((file) => ({ ...file, extract: isArchive(file.name) }))
  )
}

export const discardFiles = ({ files }: Form) => Promise.all(files.map(({ bytes }) => bytes.discard()))

/** `POST /files`: what tasks have beside a release asset. */
export const fileRoutes = (hub: Hub) =>
  new Elysia({ tags: ['watch: tasks'], detail: { security: userSecurity } }).use(signedIn(hub)).post(
    '/files',
    async ({ caller, request, server, set }) => {
      server?.timeout(request, 0) // an honest uploader may be slow; receiveFiles has a deadline of its own
      if (!isForm(request)) throw invalid('Send the files as multipart/form-data')
      const form = await receiveAdditional(hub, request)
      try {
        if (form.files.length === 0) throw invalid('Additional files are required')
        const files = await storeFiles(hub, caller.id, form)
        set.status = 201
        return { message: 'Files uploaded successfully', files: files.map(({ id, name }) => ({ id, name })) }
      } finally {
        await discardFiles(form)
      }
    },
    {
      parse: 'none',
      response: { 201: described(model.storedFiles, 'The files are stored') },
      detail: says({
        summary: 'Upload files for tasks',
        description:
          'Give their ids as `additionalFiles` of `POST /tasks`: they then lie beside the release asset in `/task`. ' +
          'Of a name its last part is kept, without control characters. An archive that `extract` names is unpacked there, in the container. ' +
          'A file that no task has goes after a week.',
        takes: {
          'multipart/form-data': {
            type: 'object',
            required: [field],
            properties: {
              additionalFiles: {
                type: 'string',
                format: 'binary',
                description:
                  'A file; a program may send up to 50 by this name, together at most FILE_MAX_BYTES (256 MiB unless configured)'
              },
              extract: {
                type: 'string',
                description: '`true`: unpack all of them where a task has them; or the name of one, as often as needed',
                examples: ['false']
              }
            }
          }
        },
        errors: {
          ...storeErrors,
          invalid: {
            'There is no file': 'Additional files are required',
            'It is not a form': 'Send the files as multipart/form-data'
          },
          tooLarge: { 'They have more than FILE_MAX_BYTES': 'More than 268435456 bytes' }
        }
      })
    }
  )
