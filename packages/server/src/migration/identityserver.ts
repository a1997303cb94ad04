/**
 * IdentityServer4: the section `IdentityServer` of an appsettings file with the names of its models, or the tables of its
 * Entity Framework stores and of ASP.NET Core Identity as JSON. See docs/guides/from-identityserver4.md.
 */

import { carry, filledText } from './convert.ts'
import type { Draft } from './draft.ts'
import { readClient } from './identityserver/clients.ts'
import { readApiResource, readApiScope, readIdentityResource } from './identityserver/resources.ts'
import { anyOf, elementsOf, seconds } from './identityserver/rows.ts'
import { readUser } from './identityserver/users.ts'
import type { Importer } from './migrate.ts'
import type { Source } from './source.ts'

export const identityserver: Importer = {
  dialect: { ignoreCase: true, textValues: true, keyedLists: true },
  read(sources, draft, at) {
    draft.server.set('compatibility', 'identityserver4')
    for (const source of sources) {
      const section = source.member('IdentityServer')
      if (section.exists) ignoreOtherSections(source)
      const root = section.exists ? section : source
      readOptions(root, draft)
      for (const client of elementsOf(root.member('Clients'))) readClient(client, draft)
      for (const resource of elementsOf(root.member('IdentityResources')))
        readIdentityResource(resource, draft)
      for (const scope of elementsOf(root.member('ApiScopes'))) readApiScope(scope, draft)
      for (const api of elementsOf(root.member('ApiResources'))) readApiResource(api, draft)
      for (const users of ['Users', 'AspNetUsers', 'TestUsers'])
        if (root.member(users).exists) root.member(users).each(user => readUser(user, draft, at))
    }
  },
}

/** An appsettings file also contains sections of other parts of the application. */
function ignoreOtherSections(source: Source): void {
  for (const [name, section] of source.members())
    if (name.toLowerCase() !== 'identityserver') section.notNeeded('it is not in the section IdentityServer')
}

const optionReasons: Readonly<Record<string, string>> = {
  EmitScopesAsSpaceDelimitedStringInJwt:
    'with compatibility "identityserver4", scope is a list; remove compatibility if your APIs expect a text',
  EmitStaticAudienceClaim: 'add an API resource with the audience that your APIs expect',
  LowerCaseIssuerUri: 'write the issuer as clients know it',
  AccessTokenJwtType: 'set access_token_typ of the API resource',
}

function readOptions(source: Source, draft: Draft): void {
  const options = anyOf(source, 'Options')
  for (const root of options.exists ? [source, options] : [source]) {
    const issuer = root.member('IssuerUri')
    if (issuer.exists) carry(issuer, draft.server, 'issuer', filledText)
    for (const [name, why] of Object.entries(optionReasons)) root.member(name).notPossible(why)
    const authentication = root.member('Authentication')
    if (!authentication.exists) continue
    const lifetime = authentication.member('CookieLifetime')
    const value = seconds(lifetime, ['sessions', 'absolute_lifetime'])
    if (value !== undefined) draft.server.set('sessions', { absolute_lifetime: value })
  }
}
