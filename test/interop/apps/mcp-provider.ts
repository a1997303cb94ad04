/** The storage of an application with MCP's SDK: its client, its tokens and the request in the browser. */

import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js'
import type {
  OAuthClientInformationFull,
  OAuthClientMetadata,
  OAuthTokens,
} from '@modelcontextprotocol/sdk/shared/auth.js'

const callback = 'http://localhost:33418/callback'

/** Keeps in memory what an application would keep on disk. */
export function createProvider(
  metadata: Partial<OAuthClientMetadata> = {},
  more: Partial<OAuthClientProvider> = {},
) {
  let client: OAuthClientInformationFull | undefined
  let tokens: OAuthTokens | undefined
  let verifier = ''
  const asked: URL[] = []
  const provider: OAuthClientProvider = {
    redirectUrl: callback,
    clientMetadata: {
      client_name: 'Notes',
      redirect_uris: [callback],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      ...metadata,
    },
    clientInformation: () => client,
    saveClientInformation: information => {
      client = information as OAuthClientInformationFull
    },
    tokens: () => tokens,
    saveTokens: saved => {
      tokens = saved
    },
    redirectToAuthorization: url => void asked.push(url),
    saveCodeVerifier: value => {
      verifier = value
    },
    codeVerifier: () => verifier,
    invalidateCredentials: scope => {
      if (scope === 'all' || scope === 'client') client = undefined
      if (scope === 'all' || scope === 'tokens') tokens = undefined
    },
    ...more,
  }
  return { provider, asked, saved: () => ({ client, tokens }) }
}
