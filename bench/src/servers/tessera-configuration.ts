/** The parties in Tessera's configuration. */

import {
  api,
  apiRs256,
  machine,
  machineReference,
  machineRs256,
  type Party,
  redirectUri,
  subjects,
  user,
  userScope,
  web,
  webReference,
} from '../parties.ts'

export const machineClient = ({ client_id, client_secret }: Party, scope: string) => ({
  client_id,
  client_secrets: [{ value: client_secret }],
  grant_types: ['client_credentials'],
  scope,
})

const webClient = ({ client_id, client_secret }: Party) => ({
  client_id,
  client_secrets: [{ value: client_secret }],
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [redirectUri],
  scope: userScope.join(' '),
  id_token_signed_response_alg: 'ES256',
})

export const configuration = {
  // The URL of DPoP proofs, which is the same for every server.
  issuer: 'http://127.0.0.1',
  clients: [
    machineClient(machine, api.scope),
    machineClient(machineRs256, apiRs256.scope),
    { ...machineClient(machineReference, api.scope), access_token_type: 'reference' },
    webClient(web),
    { ...webClient(webReference), access_token_type: 'reference' },
  ],
  api_scopes: [{ name: api.scope }, { name: apiRs256.scope }],
  api_resources: [
    { name: api.audience, scopes: [api.scope] },
    { name: apiRs256.audience, scopes: [apiRs256.scope], access_token_signing_alg: 'RS256' },
  ],
  users: subjects.map(sub => ({
    sub,
    ...(sub === user.sub ? { username: 'alice', password: 'alice' } : { username: `user-${sub}` }),
    claims: { name: user.name },
  })),
}
