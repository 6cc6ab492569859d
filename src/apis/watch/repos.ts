import { Elysia, t } from 'elysia'
import type { Hub } from '../../hub.ts'
import { invalid } from '../../lib/errors.ts'
import { githubSecurity, signedIn, userSecurity } from '../access.ts'
import { described, says } from '../openapi.ts'
import * as model from './model.ts'

const wrongToken = 'The GitHub access token must be a single word'
const badToken = {
  'The token cannot be one': wrongToken,
  'GitHub does not accept your token': 'GitHub does not accept the access token'
}
const ownToken =
  'Give your GitHub access token in the header `Authorization`, beside `access_token`: for a private repo, or to use your own ' +
  'quota instead of the hub’s. It is used for this request only, and stored nowhere.'
const away = {
  unavailable: {
    'GitHub does not answer, or not in time': 'GitHub does not answer',
    'The quota is spent; `Retry-After` says for how long': 'GitHub answers no more requests until 2026-03-01T12:00:00.000Z'
  },
  tooMany: { 'Too many requests to GitHub for you in an hour, without a token of your own': '' }
}

/** `/repos`: what a user watches at GitHub. */
export const repoRoutes = (hub: Hub) =>
  new Elysia({ tags: ['watch: repos'], detail: { security: userSecurity } })
    .use(signedIn(hub))
    .get('/repos', async ({ caller }) => (await hub.repos.list(caller.id)).map(model.repoOf), {
      response: { 200: described(t.Array(model.repo), 'The repos, in the order in which you added them') },
      detail: says({
        summary: 'Your watch list',
        description: 'The repos that you watch, each with its latest release as the hub knows it. GitHub is not asked.'
      })
    })
    .post(
      '/repos',
      async ({ body, caller, request, set }) => {
        const id = await hub.repos.add(caller.id, body, githubTokenOf(request.headers))
        set.status = 201
        return { message: 'Repo successfully added', id }
      },
      {
        parse: 'fields',
        body: model.newRepo,
        response: { 201: described(model.addedRepo, 'You watch the repo') },
        detail: says({
          summary: 'Add a repo to your watch list',
          description:
            'From now on you are told of its releases: by `GET /events`, and over MQTT on `repos/<owner>/<name>/latest-release`. ' +
            `Names are compared as GitHub does, without case. ${ownToken} A private repo is checked only when you ask, by \`PATCH /repos\`.`,
          security: githubSecurity,
          errors: {
            invalid: {
              'The name is missing': ['', 'Repo name is required'],
              'The owner is missing': ['', 'Repo owner name is required'],
              'There is no such repo, or no release of it': 'No releases found for this repo',
              'The list is full': 'A watch list has at most 500 repos',
              ...badToken
            },
            conflict: { 'You watch it already': 'Repo already exists' },
            forbidden: { 'GitHub lets you not see it': 'GitHub refuses access to this repo' },
            ...away
          }
        })
      }
    )
    .patch(
      '/repos',
      async ({ caller, request, server }) => {
        server?.timeout(request, 0)
        const failed = await hub.repos.check(caller.id, githubTokenOf(request.headers))
        const message = 'All repos successfully checked for update'
        return failed.length === 0 ? { message } : { message, failed }
      },
      {
        response: { 200: described(model.checkedRepos, 'GitHub was asked, whether there is anything new or not') },
        detail: says({
          summary: 'Check all your repos for updates, now',
          description: `The hub does so by itself every so often. What is new is told as ever, and stands in \`GET /repos\`. ${ownToken}`,
          security: githubSecurity,
          errors: { invalid: { 'The token cannot be one': wrongToken }, tooMany: away.tooMany }
        })
      }
    )
    .delete(
      '/repos/:id',
      async ({ params, caller }) => ({
        message: 'Repository successfully removed from the watch list',
        removedRepo: model.repoOf(await hub.repos.remove(caller.id, params.id))
      }),
      {
        response: { 200: described(model.removedRepo, 'You watch the repo no longer') },
        detail: says({
          summary: 'Remove a repo from your watch list',
          description: 'Others who watch it keep it.',
          errors: { missing: { 'It is not on your list': 'Repository not found in the watch list' } }
        })
      }
    )

/**
 * The caller's GitHub token: what stands in `Authorization` beside `access_token`, with or without a scheme. A token of this
 * hub is not for GitHub, wherever Swagger UI or a script has put it.
 */
function githubTokenOf(headers: Headers) {
  const given = headers.get('authorization')?.trim() ?? ''
  if (given === '' || !headers.has('access_token')) return undefined
  const token = given.replace(/^(bearer|token)( +|$)/i, '')
  if (!/^[\x21-\x7e]{1,1024}$/.test(token)) throw invalid(wrongToken)
  return /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/.test(token) ? undefined : token
}
