/**
 * Auth0: the file `tenant.yaml` that its deploy tool exports (or the same as JSON), and files of users: lists, or one object
 * on each line.
 */

import type { Draft } from '../draft.ts'
import type { Importer } from '../migrate.ts'
import { elements, leaveOut } from '../outcomes.ts'
import { membersOf, own } from '../raw.ts'
import type { Source } from '../source.ts'
import { readApis } from './apis.ts'
import { readClient } from './clients.ts'
import { type Issuers, readConnections } from './connections.ts'
import { quoteKeywords } from './placeholders.ts'
import { readTenant } from './tenant.ts'
import { readUsers } from './users.ts'

export const auth0: Importer = {
  prepareYaml: quoteKeywords,
  read(sources, draft) {
    const [users, tenants] = [sources.filter(isUsers), sources.filter(source => !isUsers(source))]
    const [tenant, ...others] = tenants
    for (const other of others)
      other.notPossible('a configuration is one tenant: import each tenant by itself')
    const issuers = tenant ? readWhole(tenant, draft) : new Map<string, string>()
    readUsers(users.map(listIn), draft, issuers)
  },
}

/** A file with a single line is an object. */
const isUsers = (source: Source): boolean =>
  source.isList ||
  ['user_id', '_id', 'users'].some(name => own(membersOf(source.whole()), name) !== undefined)

const listIn = (source: Source): Source => (source.isObject ? source.member('users') : source)

function readWhole(root: Source, draft: Draft): Issuers {
  const apis = readApis(root, draft)
  const connections = readConnections(root, draft)
  for (const client of elements(root.member('clients'))) readClient(client, { draft, apis, connections })
  readTenant(root, draft)
  for (const [name, why] of Object.entries(notPossible)) leaveOut(root.member(name), why)
  return connections.issuers
}

const actions = 'code runs in hooks: profile, mfaPolicy, federation, validators (docs/guides/hooks.md)'
const pages = 'pages have branding and templates (docs/guides/pages.md)'
const organizations = 'there are no organizations; see tenants (docs/guides/tenants.md)'

const notPossible: Readonly<Record<string, string>> = {
  rules: actions,
  rulesConfigs: actions,
  hooks: actions,
  actions,
  actionModules: actions,
  triggers: actions,
  flows: actions,
  flowVaultConnections: actions,
  forms: actions,
  pages,
  prompts: pages,
  themes: pages,
  branding: pages,
  partials: pages,
  screenRenderers: pages,
  emailTemplates: 'mail has texts in eight languages, which templates replace (docs/guides/pages.md)',
  emailProvider: 'write mail with an SMTP server',
  phoneProviders: 'there are no codes by text message or call',
  phoneTemplates: 'there are no codes by text message or call',
  guardianFactors: 'second factors are authenticator apps and passkeys: see mfa',
  guardianFactorProviders: 'second factors are authenticator apps and passkeys: see mfa',
  guardianFactorTemplates: 'second factors are authenticator apps and passkeys: see mfa',
  guardianPolicies: 'see mfa: mode "required" or "if_enrolled"',
  guardianPhoneFactorMessageTypes: 'there are no codes by text message or call',
  guardianPhoneFactorSelectedProvider: 'there are no codes by text message or call',
  attackProtection: 'guesses are always limited (docs/guides/sessions.md)',
  organizations,
  selfServiceProfiles: organizations,
  connectionProfiles: organizations,
  userAttributeProfiles: organizations,
  roles:
    'roles are names that users have: "tessera users set-roles"; permissions are rules (docs/guides/claims.md)',
  customDomains: 'the issuer is the address of the server',
  logStreams: 'events go to the log, and to webhooks (docs/guides/events.md)',
  eventStreams: 'events go to the log, and to webhooks (docs/guides/events.md)',
  networkACLs: 'a proxy in front of the server limits networks',
  migrations: 'they are settings of Auth0 itself',
  tokenExchangeProfiles: 'use token exchange (docs/guides/extension-grants.md)',
}
