import { createOidc } from 'oidc-spa/core'
import { oidcEarlyInit } from 'oidc-spa/entrypoint'

const { issuer, clientId } = document.currentScript.dataset
const main = document.getElementById('app')

const button = (label, act) => {
  const element = document.createElement('button')
  element.textContent = label
  element.onclick = act
  return element
}

async function start() {
  const oidc = await createOidc({ issuerUri: issuer, clientId, scopes: ['profile', 'offline_access'] })
  if (!oidc.isUserLoggedIn)
    return main.replaceChildren(button('Log in', () => oidc.login({ doesCurrentHrefRequiresAuth: false })))
  const { accessToken } = await oidc.getTokens()
  const headers = { authorization: `Bearer ${accessToken}` }
  const user = await (await fetch(`${issuer}/connect/userinfo`, { headers })).json()
  const line = document.createElement('p')
  line.textContent = `Signed in as ${user.name}`
  main.replaceChildren(
    line,
    button('Log out', () => oidc.logout({ redirectTo: 'home' })),
  )
}

// It says whether this page is the application, or a response in a frame of it.
if (oidcEarlyInit({ BASE_URL: '/' }).shouldLoadApp) start().catch(error => main.append(String(error)))
