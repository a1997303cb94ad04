/** An application in the browser: authorization code flow with PKCE and without a secret. */

const { UserManager } = window.oidc
const settings = await (await fetch('/settings.json')).json()

const users = new UserManager({
  ...settings,
  redirect_uri: `${location.origin}/`,
  post_logout_redirect_uri: `${location.origin}/`,
  scope: 'openid profile email offline_access',
  // The ID token identifies the user; UserInfo has the claims of the scopes.
  loadUserInfo: true,
  // Renews the access token with the refresh token before it expires.
  automaticSilentRenew: true,
})
const element = id => document.getElementById(id)

function show(user) {
  element('status').textContent = user
    ? `You are signed in as ${user.profile.name ?? user.profile.sub}.`
    : 'You are not signed in.'
  element('login').hidden = Boolean(user)
  element('logout').hidden = !user
  element('profile').textContent = user ? JSON.stringify(user.profile, null, 2) : ''
}

element('login').onclick = () => users.signinRedirect()
element('logout').onclick = () => users.signoutRedirect()
users.events.addUserLoaded(show)
users.events.addUserUnloaded(() => show())

try {
  const parameters = new URLSearchParams(location.search)
  if (parameters.has('state') && (parameters.has('code') || parameters.has('error'))) {
    await users.signinCallback()
    // The code is used, so it leaves the address bar.
    history.replaceState(null, '', location.pathname)
  }
  show(await users.getUser())
} catch (error) {
  element('status').textContent = `The sign-in failed: ${error.message}`
  element('login').hidden = false
}
