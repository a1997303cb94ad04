import { UserManager, WebStorageStateStore } from 'oidc-client-ts'

const { issuer, clientId } = document.currentScript.dataset
const { origin, pathname } = window.location
const manager = new UserManager({
  authority: issuer,
  client_id: clientId,
  redirect_uri: `${origin}/callback`,
  silent_redirect_uri: `${origin}/silent`,
  post_logout_redirect_uri: `${origin}/`,
  scope: 'openid profile offline_access',
  loadUserInfo: true,
  userStore: new WebStorageStateStore({ store: window.sessionStorage }),
})

const main = document.getElementById('app')
const button = (label, act) => {
  const element = document.createElement('button')
  element.textContent = label
  element.onclick = () => act().catch(show)
  return element
}
const show = error => {
  main.append(document.createTextNode(` ${error}`))
}

function render(user) {
  main.replaceChildren()
  if (!user) return main.append(button('Log in', () => manager.signinRedirect()))
  const line = document.createElement('p')
  line.textContent = `Signed in as ${user.profile.name}`
  const renewed = async () => {
    const before = user.access_token
    const next = await manager.signinSilent()
    line.textContent += next.access_token === before ? ' (same token)' : ' (renewed)'
  }
  main.append(
    line,
    button('Renew', renewed),
    button('Log out', () => manager.signoutRedirect()),
  )
}

async function start() {
  if (pathname === '/silent') return manager.signinSilentCallback()
  if (pathname === '/callback') {
    await manager.signinRedirectCallback()
    window.history.replaceState({}, '', '/')
  }
  render(await manager.getUser())
}

start().catch(show)
