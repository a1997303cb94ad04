/** `npm run picture`: the sign-in that the README shows, light and dark side by side. */

import { openPage, signInPages } from './page-cases.ts'
import { startPages } from './pages-server.ts'

const pages = await startPages()
const login = signInPages.find(({ name }) => name === 'login-password')
const shots: string[] = []
for (const colorScheme of ['light', 'dark'] as const) {
  const page = await pages.browser.newPage({ colorScheme, viewport: { width: 420, height: 930 } })
  if (login) await openPage(login, { page, ...pages, locale: 'en' })
  shots.push((await page.screenshot({ animations: 'disabled' })).toString('base64'))
}
const sheet = await pages.browser.newPage({ viewport: { width: 840, height: 930 } })
const images = shots.map(shot => `<img src="data:image/png;base64,${shot}" alt="">`)
await sheet.setContent(`<style>body { display: flex; margin: 0 }</style>${images.join('')}`)
await sheet.screenshot({ path: 'docs/images/sign-in.png' })
await pages.close()
