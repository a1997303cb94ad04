/** Services that render pages. */

import type { Configuration } from '../configuration/configuration.ts'
import { parseColor } from '../model/color.ts'
import { chosenLanguage } from '../pages/flow/browser-cookies.ts'
import { type Cookies, createCookies } from '../pages/flow/cookies.ts'
import { createPaths, type Paths } from '../pages/flow/page-paths.ts'
import { type Asset, createPasskeyScript } from '../pages/ui/asset.ts'
import { createPages, type Pages } from '../pages/ui/pages.ts'
import { createTemplates, type Render } from '../pages/ui/templates.ts'
import { type ChooseLanguage, createLanguageChoice } from '../pages/ui/texts.ts'
import { createPageTheme, type PageTheme } from '../pages/ui/theme.ts'
import { describeThrown } from '../runtime/thrown.ts'
import type { Services } from './services.ts'

export type ViewServices = {
  readonly cookies: Cookies
  readonly paths: Paths
  readonly render: Render
  readonly chooseLanguage: ChooseLanguage
  readonly theme: PageTheme
  readonly passkeyScript: Asset
  readonly pages: Pages
}

export function createViewServices(
  { issuer, tenant, sessions: { sameSite }, branding, templates: folder }: Configuration,
  { clients, context: { log } }: Services,
): ViewServices {
  const cookies = createCookies({ issuer, tenant, sameSite })
  const paths = createPaths({ issuer })
  const passkeyScript = createPasskeyScript()
  const accents = [
    ...[...clients.lookup.all()].flatMap(({ accent_color }) => accent_color ?? []),
    ...clients.lookup
      .needs()
      .flatMap(({ accent_color }) => (accent_color === undefined ? [] : (parseColor(accent_color) ?? []))),
  ]
  const theme = createPageTheme({ branding, accents, paths })
  const render = createTemplates({
    folder,
    onBroken: (template, error) =>
      log.error('template_broken', { template, error: describeThrown(error).text }),
  })
  const chooseLanguage = createLanguageChoice(chosenLanguage(cookies))
  const pages = createPages({ render, theme, script: paths(passkeyScript.path), chooseLanguage })
  return { cookies, paths, render, chooseLanguage, theme, passkeyScript, pages }
}
