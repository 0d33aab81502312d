// A person at a browser without scripts: follows redirects, keeps cookies, fills in the sign-in form and answers the consent
// form. Enough for a client's test to get from the authorization URL back to its redirect URI.
import assert from 'node:assert/strict'

/** What dev printed on its first line: issuer, base_url, initial_access_token, demo_user, … */
export function introduction() {
  const doc = JSON.parse(process.env.OSTIARY_DEV)
  assert.ok(doc.demo_user?.username && doc.demo_user?.password, 'dev printed no demo_user')
  return doc
}

const hops = 20

export class Person {
  #cookies = new Map() // host, then name to value

  constructor({ username, password }, { allow = true } = {}) {
    this.username = username
    this.password = password
    this.allow = allow
    this.log = [] // of what was met: "login", "consent", …
  }

  /** Goes to url and on, until a redirect or a form leads to the client at redirectURI. Gives that URL, or what was posted. */
  async visit(url, redirectURI) {
    let next = { url: new URL(url), method: 'GET' }
    for (let i = 0; i < hops; i++) {
      if (next.url.href.startsWith(redirectURI)) {
        return next.method === 'POST' ? new Request(next.url, { method: 'POST', body: next.body }) : next.url
      }
      const res = await this.#fetch(next)
      const location = res.headers.get('location')
      if (location) {
        assert.ok(res.status === 302 || res.status === 303, `a redirect with status ${res.status}`)
        next = { url: new URL(location, next.url), method: 'GET' }
        continue
      }
      const page = await res.text()
      assert.equal(res.status, 200, `${next.method} ${next.url.pathname}: ${res.status} ${page}`)
      next = this.#answer(page, next.url)
    }
    throw new Error(`no way back to ${redirectURI} in ${hops} steps: ${this.log.join(', ')}`)
  }

  async #fetch({ url, method, body }) {
    const jar = this.#cookies.get(url.host) ?? new Map()
    const headers = { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') }
    if (method === 'POST') headers.origin = url.origin
    const res = await fetch(url, { method, body, headers, redirect: 'manual' })
    for (const line of res.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      if (value === '' || /;\s*max-age=(0|-)/i.test(line)) jar.delete(name)
      else jar.set(name, value)
    }
    this.#cookies.set(url.host, jar)
    return res
  }

  /** Fills in the form of a page. */
  #answer(page, at) {
    const form = parseForm(page)
    assert.ok(form, `a page without a form at ${at.pathname}:\n${page}`)
    const fields = new URLSearchParams()
    for (const { name, value, type } of form.inputs) {
      if (!name || ['checkbox', 'radio', 'submit'].includes(type)) continue
      fields.set(name, value)
    }
    if (form.inputs.some(input => input.type === 'password')) {
      this.log.push('login')
      fields.set('username', this.username)
      fields.set('password', this.password)
    } else if (form.inputs.some(input => input.name === 'decision')) {
      this.log.push('consent')
      fields.set('decision', this.allow ? 'Allow' : 'Deny')
      assert.ok(form.inputs.some(input => input.value === fields.get('decision')), `no such button: ${page}`)
    } else {
      this.log.push('form') // response mode form_post, or a page to go on from
    }
    const url = new URL(form.action || at, at)
    if (form.method === 'post') return { url, method: 'POST', body: fields }
    url.search = fields
    return { url, method: 'GET' }
  }
}

/** The first form of a page that leads anywhere. Our pages are plain: attributes are quoted, nothing is nested. */
function parseForm(page) {
  const [, head, body] = /<form\b([^>]*)>([\s\S]*?)<\/form>/.exec(page) ?? []
  if (head === undefined) return undefined
  const inputs = [...body.matchAll(/<(?:input|button)\b([^>]*)>/g)].map(([, text]) => ({ type: 'text', value: '', ...attributes(text) }))
  return { action: '', ...attributes(head), method: (attributes(head).method ?? 'get').toLowerCase(), inputs }
}

function attributes(text) {
  const found = {}
  for (const [, name, , quoted, bare] of text.matchAll(/([a-zA-Z-]+)(\s*=\s*(?:"([^"]*)"|([^\s"'>]+)))?/g)) {
    found[name.toLowerCase()] = unescape(quoted ?? bare ?? '')
  }
  return found
}

const entities = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function unescape(text) {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi, (all, hex, decimal, name) =>
    hex ? String.fromCodePoint(parseInt(hex, 16)) : decimal ? String.fromCodePoint(Number(decimal)) : (entities[name] ?? all))
}
