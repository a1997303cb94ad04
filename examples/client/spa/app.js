/** A single-page application. Its tokens are in `localStorage`, so that all tabs share them, and refresh them one at a time. */

import {
  createAuthorizedFetch,
  createClient,
  createSession,
  fetchUserinfo,
  webStorageStore,
} from '@tessera/client'
import { completeRedirect, signInWithRedirect, signOut, tabLock } from '@tessera/client/browser'

const { issuer, api } = await (await fetch('/settings.json')).json()
const client = createClient({ issuer, client_id: 'spa' })
const session = createSession(client, { store: webStorageStore(localStorage), lock: tabLock() })
const callApi = createAuthorizedFetch(session, { origins: [api] })
const element = id => document.getElementById(id)

async function render() {
  const tokens = await session.accessToken()
  const { access_token, claims } = tokens.ok ? tokens.value : {}
  const user = tokens.ok ? await fetchUserinfo(client, access_token, claims.sub) : tokens
  element('state').textContent = user.ok ? `Hello, ${user.value.name}` : 'Nobody is signed in'
  element('sign-in').hidden = tokens.ok
  element('load').hidden = element('sign-out').hidden = !tokens.ok
}

element('sign-in').onclick = async () => {
  const redirect_uri = `${location.origin}/callback`
  const scope = 'openid profile invoices.read offline_access'
  const started = await signInWithRedirect(client, { redirect_uri, scope, returnTo: '/' })
  if (!started.ok) element('state').textContent = started.error.message
}

element('load').onclick = async () => {
  const response = await callApi(`${api}/invoices`)
  element('invoices').textContent = await response.text()
}

element('sign-out').onclick = async () => {
  const tokens = await session.end()
  await signOut(client, { id_token_hint: tokens?.id_token })
}

// After the server has redirected the browser back, the address contains the response.
const completed = await completeRedirect(client)
if (completed.ok && completed.value) {
  await session.start(completed.value)
  history.replaceState(null, '', completed.value.returnTo)
}
await render()
if (!completed.ok) element('state').textContent = completed.error.message
