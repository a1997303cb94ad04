/** The generator: Astro with Starlight. Its pages are those that build.ts writes. */

import { readFileSync } from 'node:fs'
import starlight from '@astrojs/starlight'
import { defineConfig, passthroughImageService } from 'astro/config'

export default defineConfig({
  base: process.env.SITE_BASE || '/',
  publicDir: '.work/public',
  cacheDir: '.work/cache',
  trailingSlash: 'always',
  image: { service: passthroughImageService() },
  integrations: [
    starlight({
      title: 'Tessera',
      favicon: '/favicon.svg',
      sidebar: JSON.parse(readFileSync(new URL('.work/sidebar.json', import.meta.url), 'utf8')),
      customCss: ['./theme.css'],
      credits: false,
    }),
  ],
})
