import { createRoot } from 'react-dom/client'
import { AuthProvider, useAuth } from 'react-oidc-context'

const { issuer, clientId } = document.currentScript.dataset
const { origin } = window.location

function App() {
  const auth = useAuth()
  if (auth.error) return <p>{String(auth.error)}</p>
  if (auth.isLoading) return null
  if (!auth.isAuthenticated)
    return (
      <button type="button" onClick={() => auth.signinRedirect()}>
        Log in
      </button>
    )
  return (
    <>
      <p>Signed in as {auth.user.profile.name}</p>
      <button type="button" onClick={() => auth.signoutRedirect()}>
        Log out
      </button>
    </>
  )
}

createRoot(document.getElementById('app')).render(
  <AuthProvider
    authority={issuer}
    client_id={clientId}
    redirect_uri={`${origin}/callback`}
    post_logout_redirect_uri={`${origin}/`}
    scope="openid profile"
    loadUserInfo
    onSigninCallback={() => window.history.replaceState({}, '', '/')}
  >
    <App />
  </AuthProvider>,
)
