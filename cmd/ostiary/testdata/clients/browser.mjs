// A person with a browser (Chromium) at the demo: signs in through the backend for frontend, says no, says yes, calls the API,
// signs out. Fails on any error in the console, any violation of a Content Security Policy, any serious finding of axe, and on
// any token in anything that the browser received.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { introduction } from './person.mjs'
import { Recorder } from './recorder.mjs'

const dev = introduction()
const screenshots = process.env.SCREENSHOTS
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Where things are on the pages. The only part that knows how they look. */
const at = {
  home: new URL('/', dev.base_url).href,
  signIn: page => page.locator('#sign-in'),
  signOut: page => page.locator('#sign-out'),
  callAPI: page => page.locator('#call'),
  answer: page => page.locator('#answer'),
  refresh: page => page.locator('#refresh'),
  note: page => page.locator('#text'),
  notes: page => page.locator('#notes'),
  hello: page => page.locator('#hello'),
  username: page => page.locator('input[name=username]'),
  password: page => page.locator('input[type=password]'),
  submit: page => page.locator('form:has(input[type=password]) [type=submit]').first(),
  alert: page => page.getByRole('alert').first(),
  allow: page => page.locator('[name=decision][value=Allow]'),
  deny: page => page.locator('[name=decision][value=Deny]'),
}

const problems = []
const recorder = new Recorder(dev.base_url)
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'],
  proxy: { server: await recorder.listen(), bypass: '<-loopback>' },
})
try {
  await signInAndOut(await open())
  await withoutScripts(await open({ javaScriptEnabled: false }))
  for (const mode of ['query', 'form_post']) await atAnotherSite(await open(), mode)
  await account(await open())
  await console_(await open({ javaScriptEnabled: false }))
  await console_(await open(), look)
} catch (error) {
  problems.push(error.stack)
} finally {
  await browser.close()
  recorder.close()
}
problems.push(...recorder.leaks([dev.demo_user.password, dev.admin_token, dev.initial_access_token].filter(secret => secret?.length >= 12)))
if (process.env.TRACE) {
  for (const { method, url, status } of recorder.exchanges) console.error(`${status} ${method} ${url.pathname}${url.search}`)
}
for (const problem of problems) console.error(`FAILED ${problem}`)
console.log(`${recorder.exchanges.length} answers, ${problems.length} problems`)
process.exitCode = problems.length > 0 ? 1 : 0

/** A fresh browser profile with one page, watched for complaints. */
async function open(options = {}) {
  const context = await browser.newContext({ locale: 'en-US', ...options })
  context.setDefaultTimeout(15_000)
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', event => console.error(`CSP: ${event.violatedDirective} refuses ${event.blockedURI}`))
  })
  const page = await context.newPage()
  page.on('console', message => {
    if (message.type() === 'error') problems.push(`console of ${message.location().url}: ${message.text()}`)
  })
  page.on('pageerror', error => problems.push(`script error: ${error.stack}`))
  page.on('requestfailed', request => {
    const reason = request.failure()?.errorText
    if (reason !== 'net::ERR_ABORTED') problems.push(`${request.method()} ${request.url()}: ${reason}`)
  })
  return page
}

/** Notes how the page looks, and what axe says about it. */
async function look(page, name) {
  if (screenshots) await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true })
  const { violations } = await page.evaluate(`${axe}; axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] })`)
  for (const { id, impact, help, nodes } of violations) {
    problems.push(`accessibility of ${name}: ${id} (${impact}): ${help}: ${nodes.map(node => node.html).join(' ')}`)
  }
}

async function signInAndOut(page) {
  await page.goto(at.home)
  await at.signIn(page).waitFor()
  await look(page, '1 signed out')

  await at.signIn(page).click()
  await at.password(page).waitFor()
  assert.ok(page.url().startsWith(dev.issuer), `the sign-in form is at ${page.url()}`)
  await look(page, '2 sign-in form')
  await enter(page, 'not the password')
  await at.alert(page).waitFor()
  assert.equal(await at.password(page).inputValue(), '', 'the wrong password came back in the page')
  await look(page, '3 wrong password')

  await enter(page, dev.demo_user.password)
  await at.deny(page).waitFor()
  assert.ok(await at.allow(page).isVisible(), 'no way to allow')
  await look(page, '4 consent')
  await at.deny(page).click()
  await page.waitForURL(url => url.href.startsWith(dev.base_url) && !url.href.startsWith(dev.issuer))
  await at.alert(page).waitFor()
  await look(page, '5 denied')
  assert.equal((await session(page)).authenticated ?? false, false, 'signed in without consent')

  await page.goto(at.home)
  await at.signIn(page).click()
  await at.allow(page).waitFor() // no password: the issuer knows who it is
  await at.allow(page).click()
  await page.waitForURL(at.home)
  await at.hello(page).waitFor()
  assert.equal((await session(page)).authenticated, true)
  await look(page, '6 signed in')

  await called(page, at.callAPI, '/api/demo/me')
  const { sub } = await session(page)
  assert.ok((await at.answer(page).textContent()).includes(sub), 'the API does not know who calls')
  await at.note(page).fill('Buy bread')
  await at.note(page).press('Enter')
  await at.notes(page).getByText('Buy bread').waitFor()
  await look(page, '7 API called')
  await called(page, at.refresh, '/auth/refresh')
  await called(page, at.callAPI, '/api/demo/me')
  await look(page, '8 refreshed')
  await page.reload()
  await at.hello(page).waitFor()
  await handsOff(page)

  await signInAgainWithoutPassword(page)

  await at.signOut(page).click()
  await at.signIn(page).waitFor()
  await look(page, '9 signed out')
  assert.equal((await session(page)).authenticated ?? false, false, 'still signed in')
  await at.signIn(page).click()
  await at.password(page).waitFor() // the issuer's session has ended too
}

async function enter(page, password) {
  await at.username(page).fill(dev.demo_user.username)
  await at.password(page).fill(password)
  await at.submit(page).click()
}

/** Presses a button and wants a good answer from this path. */
async function called(page, button, path) {
  const [answer] = await Promise.all([page.waitForResponse(res => new URL(res.url()).pathname === path), button(page).click()])
  assert.equal(answer.ok(), true, `${answer.request().method()} ${answer.url()}: ${answer.status()}`)
  await page.locator('[aria-disabled=true]').waitFor({ state: 'detached' })
}

/** What the page itself can ask about the session. */
async function session(page) {
  const { status, body } = await page.evaluate(async () => {
    const res = await fetch('/auth/session', { headers: { 'X-CSRF': '1' } })
    return { status: res.status, body: await res.text() }
  })
  assert.ok(status === 200, `/auth/session: ${status} ${body}`)
  return JSON.parse(body)
}

/** No script of the page can read a cookie, and nothing is kept that looks like a token. */
async function handsOff(page) {
  const held = await page.evaluate(() => ({ cookie: document.cookie, local: JSON.stringify(localStorage), session: JSON.stringify(sessionStorage) }))
  assert.equal(held.cookie, '')
  assert.doesNotMatch(held.local + held.session, /eyJ|token/i)
  for (const cookie of await page.context().cookies()) {
    assert.ok(cookie.httpOnly && cookie.sameSite !== 'None', `cookie ${cookie.name}: ${JSON.stringify(cookie)}`)
  }
}

/** The backend's cookie is lost; the issuer's is not. So one press brings the person back. */
async function signInAgainWithoutPassword(page) {
  const kept = (await page.context().cookies()).filter(({ name }) => /ostiary_(session|browser)/.test(name))
  assert.ok(kept.length > 0, 'the issuer has no cookie')
  await page.context().clearCookies()
  await page.context().addCookies(kept)
  await page.goto(at.home)
  const mark = recorder.exchanges.length
  await at.signIn(page).click()
  await at.hello(page).waitFor()
  const asked = recorder.exchanges.slice(mark).filter(({ method }) => method === 'POST').map(({ url }) => url.pathname)
  assert.deepEqual(asked, [], 'something had to be answered')
}

/** The pages of the issuer need no scripts. */
async function withoutScripts(page) {
  await page.goto(new URL('/auth/login', dev.base_url).href)
  await enter(page, 'not the password')
  await at.alert(page).waitFor()
  await enter(page, dev.demo_user.password)
  await page.waitForURL(url => url.href === at.home || url.pathname.includes('authorize'))
  if (await at.allow(page).isVisible()) await at.allow(page).click()
  await page.waitForURL(at.home)
}

/** A client at another site: the policies of our pages let the answer out to it, in both forms. */
async function atAnotherSite(page, mode) {
  const callback = 'http://127.0.0.1:8767/callback'
  const { host } = new URL(callback)
  recorder.others.set(host, undefined)
  const res = await fetch(`${dev.issuer}/dcr/register`, {
    method: 'POST', headers: { authorization: `Bearer ${dev.initial_access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Elsewhere', redirect_uris: [callback], token_endpoint_auth_method: 'none', scope: 'openid' }),
  })
  assert.equal(res.status, 201, await res.clone().text())
  const { client_id } = await res.json()
  const query = new URLSearchParams({
    client_id, redirect_uri: callback, response_type: 'code', response_mode: mode, scope: 'openid', state: 'ours', nonce: 'once',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256',
  })
  await page.goto(`${dev.issuer}/authorize?${query}`)
  await enter(page, dev.demo_user.password)
  await at.allow(page).waitFor()
  await look(page, `10 consent for another site, ${mode}`)
  await at.allow(page).click()
  await page.waitForURL(`${callback}**`)
  const { url, body } = recorder.others.get(host)
  const answer = mode === 'query' ? url.searchParams : new URLSearchParams(body)
  assert.equal(answer.get('state'), 'ours')
  assert.equal(answer.get('iss'), dev.issuer)
  assert.ok(answer.get('code'), 'no code')
}

/** A person looks at the own account and ends the session. */
async function account(page) {
  await page.goto(`${dev.issuer}/account`)
  await enter(page, dev.demo_user.password)
  await page.getByRole('heading', { name: 'Where you are signed in' }).waitFor()
  await look(page, '11 account')
  await page.locator('input[aria-label="Sign out of this browser"]').click()
  await page.goto(`${dev.issuer}/account`)
  await at.password(page).waitFor()
}

/** An operator at the console: the decisions, and one of them explained. Its pages need no scripts. */
async function console_(page, look = () => {}) {
  await page.goto(new URL('/console', dev.base_url).href)
  await look(page, '12 console sign-in')
  await enter(page, 'not the password')
  await at.alert(page).waitFor()
  await enter(page, dev.demo_user.password)
  await page.getByRole('heading', { name: 'Decisions' }).waitFor()
  await look(page, '13 decisions')
  await page.locator('tbody tr:has-text("register") a').first().click()
  await page.getByRole('heading', { name: 'Stages' }).waitFor()
  await look(page, '14 decision')
  await page.locator('.facts a[href^="/console/client?"]').click()
  await page.getByRole('heading', { name: 'History' }).waitFor()
  await look(page, '15 client')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await at.password(page).waitFor()
}
