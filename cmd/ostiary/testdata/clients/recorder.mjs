// A proxy between a browser and the server on this machine. It notes every byte that the browser got and every address that it
// was sent to, redirects and all, and lets it go nowhere else.
import { createServer, request } from 'node:http'
import { once } from 'node:events'
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib'

const decoders = { gzip: gunzipSync, br: brotliDecompressSync, deflate: inflateSync }

/** What nobody may find in a browser. Refresh tokens begin with "g-0" and have 68 bytes; openid-client.mjs holds one against it. */
export const forbidden = {
  'a JWT': /eyJ[\w-]{8,}\.[\w-]*/,
  'a refresh token': /(?<![\w-])Zy0[\w-]{88}(?![\w-])/,
  'a token response': /"(?:access_token|refresh_token|id_token)"\s*:\s*"/,
  'a token in a query': /[?&#](?:access_token|refresh_token|id_token|id_token_hint|client_assertion)=./,
}

export class Recorder {
  exchanges = [] // {method, url, status, headers, body}
  others = new Map() // hosts of other sites to what came there last: {url, body}

  constructor(origin) {
    this.origin = new URL(origin)
    this.server = createServer((req, res) => this.#pass(req, res))
    this.server.on('connect', (req, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')) // a browser's calls home
  }

  async listen() {
    this.server.listen(0, '127.0.0.1')
    await once(this.server, 'listening')
    return `http://127.0.0.1:${this.server.address().port}`
  }

  close() {
    this.server.close()
    this.server.closeAllConnections()
  }

  #pass(req, res) {
    const url = new URL(req.url, this.origin)
    if (url.host !== this.origin.host) {
      this.#elsewhere(url, req, res)
      return
    }
    const headers = { ...req.headers }
    delete headers['proxy-connection']
    const onward = request(
      { host: '127.0.0.1', port: this.origin.port || 80, method: req.method, path: url.pathname + url.search, headers, setHost: false },
      answer => {
        const chunks = []
        answer.on('data', chunk => chunks.push(chunk))
        answer.on('end', () => {
          const body = Buffer.concat(chunks)
          this.exchanges.push({ method: req.method, url, status: answer.statusCode, headers: pairs(answer.rawHeaders), body: decode(body, answer) })
          const { 'transfer-encoding': _, connection: __, ...rest } = answer.headers
          res.writeHead(answer.statusCode, rest).end(body)
        })
      },
    )
    onward.on('error', error => res.destroy(error))
    req.pipe(onward)
  }

  /** Another site that a test plays takes everything; for all others there is no way. */
  #elsewhere(url, req, res) {
    if (!this.others.has(url.host)) {
      res.writeHead(403).end()
      return
    }
    const chunks = []
    req.on('data', chunk => chunks.push(chunk))
    req.on('end', () => {
      this.others.set(url.host, { url, body: Buffer.concat(chunks).toString('utf8') })
      res.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Back</title><link rel="icon" href="data:,">')
    })
  }

  /** Every place where something is that must not be in a browser. secrets are texts that are looked for beside the forms. */
  leaks(secrets = []) {
    const found = []
    for (const { method, url, status, headers, body } of this.exchanges) {
      const where = `${method} ${url.pathname} ${status}`
      const texts = { address: url.href, body, ...Object.fromEntries(headers.map(([name, value], i) => [`${name} (${i})`, value])) }
      for (const [part, text] of Object.entries(texts)) {
        for (const [what, pattern] of Object.entries(forbidden)) {
          if (pattern.test(text)) found.push(`${what} in the ${part} of ${where}: ${pattern.exec(text)[0].slice(0, 24)}`)
        }
        if (secrets.some(secret => text.includes(secret))) found.push(`a secret in the ${part} of ${where}`)
      }
    }
    return found
  }
}

function pairs(raw) {
  const found = []
  for (let i = 0; i < raw.length; i += 2) found.push([raw[i], raw[i + 1]])
  return found
}

function decode(body, { headers }) {
  const decoder = decoders[headers['content-encoding']]
  return (decoder && body.length > 0 ? decoder(body) : body).toString('utf8')
}
