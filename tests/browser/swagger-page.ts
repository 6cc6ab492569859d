import { type Browser, chromium, type Locator, type Page } from 'playwright-core'

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync'
]

type Tried = { status: number; body: string; sent: Record<string, string> }

export type SwaggerPage = Awaited<ReturnType<typeof openSwagger>>

/** Debian's Chromium, headless. */
export const startBrowser = () => chromium.launch({ executablePath: Bun.which('chromium') ?? '', args: flags })

/** Swagger UI of a hub in a window of its own, driven as a reader drives it. Keeps what it asked for and complained of. */
export async function openSwagger(browser: Browser, base: string) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 600 }, reducedMotion: 'reduce' })
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  const requested: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => void requested.push(request.url()))
  page.on('pageerror', (error) => void complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  await page.goto(`${base}/swagger`)
  await page.locator('.opblock').first().waitFor()

  return {
    page,
    /** Every URL that the page has asked for. */
    requested,
    /** What the console has said that is wrong. */
    complaints,
    /** The ids of the operations shown. */
    shown: () =>
      page.locator('.opblock').evaluateAll((blocks: { id: string }[]) => blocks.map(({ id }) => id.split('-').at(-1) ?? '')),
    authorize: (scheme: string, token: string) => authorize(page, scheme, token),
    forget: (scheme: string) => forget(page, scheme),
    /** Expands an operation, fills in what is named beside what is filled in already, presses Execute and reads what is shown. */
    tryOut: (operationId: string, given: Given = {}) => tryOut(page, operationId, given),
    [Symbol.asyncDispose]: () => context.close()
  }
}

async function authorize(page: Page, scheme: string, token: string) {
  await page.locator('.auth-wrapper .btn.authorize').click()
  const form = page.locator('.auth-container', { has: page.locator('h4', { hasText: new RegExp(`^${scheme}\\b`) }) })
  const signedIn = form.locator('button', { hasText: 'Logout' })
  if (await signedIn.isVisible()) await signedIn.click()
  await form.locator('input').fill(token)
  await form.getByRole('button', { name: 'Apply credentials' }).click()
  await form.locator('.btn-done').click()
}

async function forget(page: Page, scheme: string) {
  await page.locator('.auth-wrapper .btn.authorize').click()
  const form = page.locator('.auth-container', { has: page.locator('h4', { hasText: new RegExp(`^${scheme}\\b`) }) })
  await form.locator('button', { hasText: 'Logout' }).click()
  await form.locator('.btn-done').click()
}

/** `body`: fields of the body that is filled in which are to be others. */
type Given = {
  parameters?: Record<string, string>
  file?: Buffer | undefined
  body?: Record<string, string | undefined> | undefined
}

async function tryOut(page: Page, operationId: string, { parameters = {}, file, body: fields }: Given): Promise<Tried> {
  const block = page.locator(`.opblock[id$="-${operationId}"]`)
  await block.locator('.opblock-summary-control').click()
  const execute = block.locator('.btn.execute')
  await execute.waitFor()
  for (const [name, value] of Object.entries(parameters)) await fill(block, name, value)
  if (fields) await edit(block.locator('textarea.body-param__text'), fields)
  if (file)
    await block
      .locator('input[type=file]')
      .setInputFiles({ name: 'firmware.image', mimeType: 'application/octet-stream', buffer: file })
  const earlier = block.locator('.btn-clear')
  if ((await earlier.count()) > 0) await earlier.click()
  const request = page.waitForRequest((made) => made.resourceType() === 'fetch')
  await execute.click()
  const sent = (await request).headers()
  const live = block.locator('.live-responses-table .response')
  await live.waitFor()
  const status = Number(await live.locator('.response-col_status').innerText())
  const body = await live.locator('.response-col_description').innerText()
  await block.locator('.opblock-summary-control').click()
  return { status, body, sent }
}

/** Changes fields of a body that is filled in already. */
async function edit(body: Locator, fields: Record<string, string | undefined>) {
  await body.fill(JSON.stringify({ ...JSON.parse(await body.inputValue()), ...fields }))
}

async function fill(block: Locator, name: string, value: string) {
  const field = block.locator(`tr[data-param-name="${name}"]`).locator('input, select')
  if ((await field.evaluate((element: { tagName: string }) => element.tagName)) === 'SELECT') await field.selectOption(value)
  else await field.fill(value)
}
