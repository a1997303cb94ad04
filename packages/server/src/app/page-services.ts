/** The services that the pages of one issuer need, created on the first request for a page. */

import type { Configuration } from '../configuration/configuration.ts'
import {
  type AuthorizationRequestServices,
  createAuthorizationRequestServices,
} from './authorization-request-services.ts'
import { type BrowserServices, createBrowserServices } from './browser-services.ts'
import { createFactorServices, type FactorServices } from './factor-services.ts'
import { createFederationServices, type FederationServices } from './federation-services.ts'
import { createFlowServices, type FlowServices } from './flow-services.ts'
import { createMailServices, type MailServices } from './mail-services.ts'
import { createRegistrationServices, type RegistrationServices } from './registration-services.ts'
import type { Services } from './services.ts'
import { createViewServices, type ViewServices } from './view-services.ts'

export type PageServices = {
  readonly services: Services
  readonly requests: AuthorizationRequestServices
  readonly view: ViewServices
  readonly mail: MailServices
  readonly browser: BrowserServices
  readonly federation: FederationServices
  readonly factors: FactorServices
  readonly flow: FlowServices
  readonly registration: RegistrationServices
}

export function createPageServices(configuration: Configuration, services: Services): PageServices {
  const requests = createAuthorizationRequestServices(configuration, services)
  const view = createViewServices(configuration, services)
  const mail = createMailServices(configuration, services, view)
  const browser = createBrowserServices(configuration, services, view, requests)
  const federation = createFederationServices(configuration, services, view)
  const factors = createFactorServices(configuration, services, mail)
  const flow = createFlowServices(configuration, { services, requests, view, browser, federation })
  const registration = createRegistrationServices(configuration, services)
  return { services, requests, view, mail, browser, federation, factors, flow, registration }
}
