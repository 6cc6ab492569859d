import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { signedIn, userSecurity } from '../access.ts'
import { checker } from '../complaints.ts'
import { readFields } from '../fields.ts'
import { isForm } from '../form.ts'
import { described, type Errors, says, storeErrors } from '../openapi.ts'
import { discardFiles, receiveAdditional, storeFiles } from './files.ts'
import * as model from './model-tasks.ts'
import { taskList } from './task-list.ts'
import { logAnswer, offsetOf } from './task-log.ts'

const checkTask = checker(model.newTask)
const notThere: Errors = { missing: { 'You have no such task': 'Task not found' } }

const words: Record<string, unknown> = { true: true, false: false, '': undefined }

/** The fields of a form say everything as text. */
function readTask({ onRelease, additionalFiles, ...fields }: Record<string, unknown>) {
  const said = typeof onRelease === 'string' && onRelease in words ? words[onRelease] : onRelease
  const given = checkTask({ ...fields, onRelease: said, additionalFiles: additionalFiles === '' ? [] : additionalFiles })
  const { additionalFiles: files = [], onRelease: runsByItself = false, publishTo, ...task } = given
  return { ...task, files, onRelease: runsByItself, publishTo }
}

/** Makes a task as a body describes it; in a form, ids of files and files themselves may stand side by side. */
async function create(hub: Hub, userId: string, request: Request) {
  if (!isForm(request)) return hub.tasks.create(userId, readTask(await readFields(request)), async () => [])
  const form = await receiveAdditional(hub, request)
  try {
    const fields = Object.fromEntries([...form.values].map(([name, values]) => [name, values.at(-1)]))
    const ids = form.values.get('additionalFiles')?.filter((value) => value !== '') ?? []
    const task = readTask({ ...fields, additionalFiles: ids })
    const addFiles = async () => (await storeFiles(hub, userId, form)).map(({ id }) => id)
    return await hub.tasks.create(userId, task, addFiles)
  } finally {
    await discardFiles(form)
  }
}

const taskForm = {
  ...model.newTask,
  properties: {
    ...model.newTask.properties,
    additionalFiles: {
      type: 'array',
      items: { type: 'string', format: 'binary' },
      description: 'The files themselves, or ids of files'
    },
    extract: { type: 'string', description: 'As in `POST /files`', examples: ['false'] }
  }
}

/** `/tasks`: what is run over releases. */
export const taskRoutes = (hub: Hub) =>
  new Elysia({ tags: ['watch: tasks'], detail: { security: userSecurity } })
    .use(signedIn(hub))
    .get('/tasks', async ({ caller }) => taskList(await hub.tasks.list(caller.id)), {
      response: { 200: described(t.Array(model.task), 'The tasks, in the order in which you made them') },
      detail: says({ summary: 'All your tasks', description: 'Nobody else sees them.' })
    })
    .post(
      '/tasks',
      async ({ caller, request, server, set }) => {
        server?.timeout(request, 0)
        const id = await create(hub, caller.id, request)
        set.status = 201
        return { message: 'Task successfully added', id }
      },
      {
        parse: 'none',
        response: { 201: described(model.addedTask, 'The task is there; start it with `POST /tasks/{id}`') },
        detail: says({
          summary: 'Add a task',
          description:
            'A task is a command that runs in a container, in `/task`, where the release asset and the additional files lie; ' +
            '`$RELEASE_VERSION` and `$RELEASE_ASSET` say which. The container has no network, no privileges, and bounds on memory, ' +
            'processors, processes, disk, log and time, as the hub is configured. When it succeeds, the repo’s `currentVersion` is that of the release.\n\n' +
            'With `publishTo`, every `<name>.<board>.image` in `/task/output` is deployed to the application, all with one group id, ' +
            'and every `<name>.<architecture>` (an ending such as `.exe` may follow) is published as a build for desktop clients, ' +
            'of the version that the release’s tag says. ' +
            'With `onRelease` it runs by itself over each new release: so what is released upstream reaches devices without a hand.',
          takes: { 'application/json': model.newTask, 'multipart/form-data': taskForm },
          errors: {
            ...storeErrors,
            invalid: {
              'The repo is missing': ['', 'Repo is required'],
              'You do not watch it': ['', 'Repository not found in the watch list'],
              'The asset is missing': ['', 'Release asset is required'],
              'The command is missing': ['', 'Run command is required'],
              'The image is missing': ['', 'Container Image is required'],
              'A file is not yours, or not there': ['', 'Additional file not found'],
              'The application is not there': ['', 'Application not found']
            },
            forbidden: { 'You may not publish to the application': 'As viewer of this team you may not do this' },
            tooLarge: { 'The files have more than FILE_MAX_BYTES': 'More than 268435456 bytes' }
          }
        })
      }
    )
    .post(
      '/tasks/:id',
      async ({ params, caller, set }) => {
        await hub.tasks.start(caller.id, params.id)
        set.status = 204
        return undefined
      },
      {
        detail: says({
          summary: 'Start a task',
          description:
            'It runs in the background, as soon as there is room for it; again, if it ran before: its log begins anew.',
          gives: { 204: { description: 'It is `Running`' } },
          errors: { ...notThere, conflict: { 'It runs': 'Task is already running' } }
        })
      }
    )
    .get('/tasks/:id/status', async ({ params, caller }) => model.statusOf(await hub.tasks.ofUser(caller.id, params.id)), {
      response: { 200: described(model.taskStatus, 'The task as it is now') },
      detail: says({
        summary: 'Status of a task',
        description: 'The same is told over MQTT on `tasks/<id>/status`.',
        errors: notThere
      })
    })
    .get(
      '/tasks/:id/logs',
      async ({ params, query, caller, request, server }) => {
        server?.timeout(request, 0)
        const how = { follow: query.follow !== 'false', offset: offsetOf(query.offset) }
        return logAnswer(hub, { caller, id: params.id }, how)
      },
      {
        query: t.Object({
          follow: t.Optional(t.String({ description: '`false`: what is there, without waiting for more', examples: ['false'] })),
          offset: t.Optional(t.String({ description: 'From which byte on: to read on after so many of them', examples: ['0'] }))
        }),
        detail: says({
          summary: 'Log of a task',
          description:
            'What the container writes, as it writes it, until it ends; then what it wrote. Its first lines are the hub’s where an image had to be pulled, ' +
            'its last one where it failed. A log stays until the task is started again, or deleted. Over MQTT it comes on `tasks/<id>/logs`.',
          gives: {
            200: {
              description: 'The log, as it comes',
              content: { 'text/plain': { schema: { type: 'string', examples: ['hello world\n'] } } }
            }
          },
          errors: { ...notThere, ...storeErrors, invalid: { '`offset` is not a number': 'offset must be a number of bytes' } }
        })
      }
    )
    .delete(
      '/tasks/:id',
      async ({ params, caller }) => ({
        message: 'Task successfully deleted',
        removedTask: model.removedOf(await hub.tasks.remove(caller.id, params.id))
      }),
      {
        response: { 200: described(model.removedTask, 'The task is gone') },
        detail: says({
          summary: 'Delete a task',
          description: 'What runs of it is stopped first, and its container removed. Its log goes with it.',
          errors: notThere
        })
      }
    )
