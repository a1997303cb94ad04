import '@angular/compiler'
import { provideHttpClient } from '@angular/common/http'
import { provideZonelessChangeDetection } from '@angular/core'
import { createApplication } from '@angular/platform-browser'
import { OAuthService, provideOAuthClient } from 'angular-oauth2-oidc'

const { issuer, clientId } = document.currentScript.dataset
const { origin } = window.location
const main = document.getElementById('app')

const button = (label, act) => {
  const element = document.createElement('button')
  element.textContent = label
  element.onclick = act
  return element
}

async function start() {
  const { injector } = await createApplication({
    providers: [provideZonelessChangeDetection(), provideHttpClient(), provideOAuthClient()],
  })
  const oauth = injector.get(OAuthService)
  oauth.configure({
    issuer,
    clientId,
    redirectUri: `${origin}/callback`,
    postLogoutRedirectUri: `${origin}/`,
    responseType: 'code',
    scope: 'openid profile offline_access',
    requireHttps: false,
  })
  await oauth.loadDiscoveryDocumentAndTryLogin()
  if (!oauth.hasValidAccessToken()) return main.replaceChildren(button('Log in', () => oauth.initCodeFlow()))
  const { info } = await oauth.loadUserProfile()
  const line = document.createElement('p')
  line.textContent = `Signed in as ${info.name}`
  main.replaceChildren(
    line,
    button('Log out', () => oauth.logOut()),
  )
}

start().catch(error => main.append(String(error)))
