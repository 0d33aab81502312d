// A single-page application behind a backend-for-frontend. It holds no token and stores nothing: it asks /auth/session who is
// signed in, and calls the API under /api/demo with the cookie that it cannot read.
'use strict'

const $ = (id) => document.getElementById(id)

// call sends a request to our own site. What changes something carries the header that other sites cannot send.
async function call(method, path, body) {
  const headers = { Accept: 'application/json' }
  if (method !== 'GET') headers['X-CSRF'] = '1'
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  const answer = await fetch(path, { method, headers, credentials: 'same-origin', body: body === undefined ? undefined : JSON.stringify(body) })
  const text = await answer.text()
  let doc = {}
  try {
    doc = text === '' ? {} : JSON.parse(text)
  } catch {
    throw new Error(`The server answered ${answer.status} with something that is not JSON.`)
  }
  if (answer.ok) return doc
  const failure = new Error(doc.detail || doc.error_description || `The server answered ${answer.status}.`)
  failure.status = answer.status
  throw failure
}

function notice(text) {
  $('notice').textContent = text
  $('notice').hidden = text === ''
}

const when = (seconds) => new Date(seconds * 1000)

function row(list, name, value) {
  if (!value) return
  const term = document.createElement('dt')
  term.textContent = name
  const detail = document.createElement('dd')
  if (value instanceof Date) {
    const time = document.createElement('time')
    time.dateTime = value.toISOString()
    time.textContent = value.toLocaleString()
    detail.append(time)
  } else {
    detail.textContent = value
  }
  list.append(term, detail)
}

// show puts a session on the page, or the way to one.
function show(session) {
  const inside = session.authenticated === true
  $('signed-in').hidden = !inside
  $('sign-out').hidden = !inside
  $('signed-out').hidden = inside
  $('main').setAttribute('aria-busy', 'false')
  if (!inside) return
  $('hello').textContent = `Hello, ${session.name || session.preferred_username || session.sub}`
  const who = $('who')
  who.replaceChildren()
  row(who, 'Username', session.preferred_username)
  row(who, 'Email', session.email)
  row(who, 'Subject', session.sub)
  row(who, 'Session ends', when(session.expires_at))
}

// doing runs what a button is for: the button rests meanwhile, and what goes wrong is said.
async function doing(button, work) {
  if (button.getAttribute('aria-disabled') === 'true') return
  button.setAttribute('aria-disabled', 'true')
  notice('')
  try {
    await work()
  } catch (failure) {
    if (failure.status === 401) {
      show({})
      notice('Your session is over. Sign in again.')
    } else {
      notice(failure.message)
    }
  } finally {
    button.removeAttribute('aria-disabled')
  }
}

function showNotes(doc) {
  $('notes').replaceChildren(...doc.notes.map((text) => {
    const item = document.createElement('li')
    item.textContent = text
    return item
  }))
}

const said = {
  access_denied: 'You did not allow the sign-in.',
  login_required: 'The identity provider could not sign you in without asking.',
  temporarily_unavailable: 'The identity provider is busy. Try again in a moment.',
}

// arrival reads what the end of a sign-in left in the address, and takes it out.
function arrival() {
  const address = new URL(location.href)
  const code = address.searchParams.get('auth_error')
  if (code === null) return
  address.searchParams.delete('auth_error')
  history.replaceState(null, '', address)
  notice(said[code] || 'The sign-in did not succeed.')
}

async function start() {
  arrival()
  $('call').addEventListener('click', () => doing($('call'), async () => {
    $('answer').textContent = JSON.stringify(await call('GET', '/api/demo/me'), null, 2)
    $('answer').hidden = false
  }))
  $('refresh').addEventListener('click', () => doing($('refresh'), async () => {
    show(await call('POST', '/auth/refresh'))
    notice('The backend has fresh tokens. Nothing changed here: this page never sees them.')
  }))
  $('sign-out').addEventListener('click', () => doing($('sign-out'), async () => {
    location.assign((await call('POST', '/auth/logout')).logout_url)
  }))
  $('add').addEventListener('submit', (event) => {
    event.preventDefault()
    doing(event.submitter || $('add').querySelector('button'), async () => {
      showNotes(await call('POST', '/api/demo/notes', { text: $('text').value }))
      $('text').value = ''
      $('text').focus()
    })
  })
  try {
    const session = await call('GET', '/auth/session')
    show(session)
    if (session.authenticated) showNotes(await call('GET', '/api/demo/notes'))
  } catch (failure) {
    if ($('signed-in').hidden) show({})
    notice(failure.message)
  }
}

start()
