import { t } from 'elysia'
import type { StoredFile } from '../../features/files/service.ts'
import type { Task } from '../../features/tasks/records.ts'
import { described } from '../openapi.ts'
import { repo } from './model.ts'

const hexId = '^[0-9a-f]{24}$'
const id = (description: string, example: string) => t.String({ pattern: hexId, description, examples: [example] })
const message = (sentence: string) => t.String({ description: 'Always the same', examples: [sentence] })
const noControls = '^[^\\u0000-\\u001f\\u007f]+$'

const repoId = id('Id of a repo on your watch list', '642d7b00812bbf22039fb035')
const fileId = id('Id of a file', '642d8aeb812bbf22039fb15d')
const taskId = id('Id of the task', '642d8aec812bbf22039fb162')

const releaseAsset = t.String({
  minLength: 1,
  maxLength: 255,
  pattern: noControls,
  title: 'Release asset is required',
  error: 'Release asset must be a text of at most 255 characters',
  description:
    'Name of an asset of the latest release. In a later release that one is taken whose name differs by the version alone; `*` stands for anything',
  examples: ['mailspring-1.10.8-amd64.deb']
})

const runCommand = t.String({
  minLength: 1,
  maxLength: 16_384,
  title: 'Run command is required',
  error: 'Run command must be a text of at most 16384 characters',
  description: 'What `sh -c` runs in `/task`, where the asset and the files are',
  examples: ['echo hello world']
})

const containerImage = t.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^[a-z0-9][a-zA-Z0-9._/:@-]*$',
  title: 'Container Image is required',
  error: 'Container Image must be the name of an image, such as ubuntu:latest',
  description: 'What it runs in; pulled where the engine has not got it',
  examples: ['ubuntu:latest']
})

export const newTask = t.Object({
  repo: { ...repoId, title: 'Repo is required', error: 'Repository not found in the watch list' },
  releaseAsset,
  runCommand,
  containerImage,
  additionalFiles: t.Optional(
    t.Array(fileId, {
      maxItems: 50,
      error: 'Additional files must be ids of files',
      description: 'What `POST /files` answered, at most 50. In a form these may be the files themselves',
      examples: [[]]
    })
  ),
  onRelease: t.Optional(
    t.Boolean({
      error: 'onRelease must be true or false',
      description: 'Whether it runs by itself over each new release',
      examples: [false]
    })
  ),
  publishTo: t.Optional(
    t.String({
      maxLength: 130,
      pattern: '^([a-zA-Z][a-zA-Z0-9_-]*(/[a-zA-Z][a-zA-Z0-9_-]*)?)?$',
      error: 'publishTo must be the name of an application: <app> or <team>/<app>',
      description: 'Application that what it leaves in `/task/output` is for: `<app>`, or `<team>/<app>`',
      examples: ['']
    })
  )
})

export const addedTask = t.Object({ message: message('Task successfully added'), id: taskId })

const file = t.Object({
  _id: fileId,
  name: t.String({ description: 'Name in `/task`', examples: ['KTP.pdf'] }),
  path: t.String({ description: 'Always `files/` and the name', examples: ['files/KTP.pdf'] }),
  mimeType: t.String({ description: 'As it was sent', examples: ['application/pdf'] }),
  extract: t.Boolean({ description: 'Whether it is unpacked', examples: [false] })
})

export const storedFiles = t.Object({
  message: message('Files uploaded successfully'),
  files: t.Array(t.Object({ id: fileId, name: file.properties.name }), { description: 'In the order in which they came' })
})

const plain = {
  releaseAsset: t.String({ description: 'As it was given', examples: ['mailspring-1.10.8-amd64.deb'] }),
  runCommand: t.String({ description: 'As it was given', examples: ['echo hello world'] }),
  containerImage: t.String({ description: 'As it was given', examples: ['ubuntu:latest'] }),
  status: t.String({ description: '`Created`, `Running`, `Succeeded` or `Failed`', examples: ['Succeeded'] }),
  onRelease: t.Optional(t.Boolean({ description: 'Only where it is true', examples: [true] })),
  publishTo: t.Optional(t.String({ description: 'Only where it has one', examples: ['ada/blinker'] })),
  failure: t.Optional(t.String({ description: 'Why it failed, where it did', examples: ['The command exited with status 1'] }))
}

export const task = t.Object({ _id: taskId, repo, additionalFiles: t.Array(file), ...plain })
export const taskStatus = t.Object({ _id: taskId, repo: repoId, additionalFiles: t.Array(file), ...plain })

export const removedTask = t.Object({
  message: message('Task successfully deleted'),
  removedTask: described(
    t.Object({
      _id: taskId,
      repo: repoId,
      additionalFiles: t.Array(fileId),
      ...plain,
      containerId: t.Optional(
        t.String({
          description: 'Its last container, where it was started',
          examples: ['05e49ae5092d811c5c678cb9bf86e02f71b11280a806614fa213e86f52eaf0cd']
        })
      )
    }),
    'The task as it was'
  )
})

const fileOf = ({ id: _id, name, mimeType, extract }: StoredFile) => ({ _id, name, path: `files/${name}`, mimeType, extract })

function plainOf({ releaseAsset: asset, runCommand: command, containerImage: image, status, ...of }: Task) {
  return {
    releaseAsset: asset,
    runCommand: command,
    containerImage: image,
    status,
    ...(of.onRelease ? { onRelease: true } : {}),
    ...(of.publishesTo === null ? {} : { publishTo: of.publishesTo }),
    ...(of.failure === null ? {} : { failure: of.failure })
  }
}

/** Writes a task out as `GET /tasks` does, but for its repo. */
export const taskOf = (one: Task) => ({
  _id: one.id,
  additionalFiles: one.files.map(fileOf),
  ...plainOf(one)
})

/** Writes a task out as `GET /tasks/:id/status` does. */
export const statusOf = (one: Task) => ({
  _id: one.id,
  repo: one.repoId,
  additionalFiles: one.files.map(fileOf),
  ...plainOf(one)
})

/** Writes a task out as `DELETE /tasks/:id` does. */
export const removedOf = (one: Task) => ({
  _id: one.id,
  repo: one.repoId,
  additionalFiles: one.files.map((each) => each.id),
  ...plainOf(one),
  ...(one.containerId === null ? {} : { containerId: one.containerId })
})
