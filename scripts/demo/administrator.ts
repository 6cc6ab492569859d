import { ensure } from './journal.ts'

export const administrator = { email: 'root@example.org', password: 'correct horse battery' }

type Application = { id: string; slug: string; total_logs: number }
type Check = { intact: boolean; checked: number }

export type Administrator = Awaited<ReturnType<typeof signInAsAdministrator>>

/** Signs in as the hub's first administrator; gives what administrators do by HTTP. */
export async function signInAsAdministrator(base: string) {
  const signedIn = await fetch(`${base}/login`, { method: 'POST', body: JSON.stringify(administrator) })
  const { access_token: token } = (await signedIn.json()) as { access_token: string }
  const headers = { authorization: `Bearer ${token}` }

  async function call<T>(route: string, json?: object): Promise<T> {
    const [method = '', path = ''] = route.split(' ')
    const response = await fetch(`${base}/api/v1${path}`, { method, headers, body: json ? JSON.stringify(json) : null })
    const answer = (await response.json()) as { success: boolean; message?: string; data: T }
    ensure(answer.success, `${route} got ${response.status}: ${answer.message}`)
    return answer.data
  }

  return {
    /** Makes an application; gives its id and its API key. */
    makeApplication: (name: string, slug: string) =>
      call<{ id: string; apiKey: string }>('POST /applications', { name, slug, stack: 'bun' }),

    /** Replaces the API key of an application; gives the new one. */
    renewKey: (id: string) => call<{ apiKey: string }>(`POST /applications/${id}/regenerate-key`),

    /** The applications of every team, by their slugs. */
    async applications() {
      const applications = await call<Application[]>('GET /applications')
      return new Map(applications.map((application) => [application.slug, application]))
    },

    /** Checks the chain of an application's log. */
    verify: (id: string) => call<Check>(`GET /logs/verify-chain?application_id=${id}`),

    /** Follows the log of an application: calls `heard` with the payload of each entry that comes, until stopped. */
    async follow(id: string, heard: (payload: unknown) => void) {
      const stop = new AbortController()
      const url = `${base}/api/v1/logs?follow=true&application_id=${id}`
      const response = await fetch(url, { headers, signal: stop.signal })
      void listen(response, heard).catch(() => {}) // it is broken off in the end
      return () => stop.abort()
    }
  }
}

async function listen({ body }: Response, heard: (payload: unknown) => void) {
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of body ?? []) {
    const lines = (text + decoder.decode(bytes, { stream: true })).split('\n')
    text = lines.pop() ?? ''
    for (const line of lines.filter(Boolean)) heard((JSON.parse(line) as { payload: unknown }).payload)
  }
}
