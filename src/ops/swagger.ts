import { type AnyElysia, Elysia } from "elysia";
import stylesheet from "swagger-ui-dist/swagger-ui.css" with { type: "file" };
import bundle from "swagger-ui-dist/swagger-ui-bundle.js" with { type: "file" };
import { apiError } from "../lib/errors.ts";
import { type DocumentFacts, openApiDocument } from "./openapi.ts";
import pageStylesheet from "./swagger/page.css" with { type: "file" };
import icon from "./swagger/postern.svg" with { type: "file" };
import startScript from "./swagger/start.browser.js" with { type: "file" };
import { swaggerPage } from "./swagger-page.ts";

/** What the page is made of, all of it embedded in the binary. */
const assets = new Map([
  ["swagger-ui.css", { path: stylesheet, type: "text/css; charset=utf-8" }],
  ["swagger-ui-bundle.js", { path: bundle, type: "text/javascript; charset=utf-8" }],
  ["page.css", { path: pageStylesheet, type: "text/css; charset=utf-8" }],
  ["start.browser.js", { path: startScript, type: "text/javascript; charset=utf-8" }],
  ["postern.svg", { path: icon, type: "image/svg+xml" }],
]);

/** Headers of every answer here, whatever the application around it sends. */
const everyAnswer = { "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer" };

/**
 * Nothing comes from elsewhere and nothing goes there. Swagger UI writes style attributes and keeps small images in
 * its stylesheet.
 */
const pageHeaders = {
  ...everyAnswer,
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-cache",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'",
  "X-Frame-Options": "DENY",
};

/**
 * Swagger UI at `/swagger` and the OpenAPI document of the application at `/swagger/json`, wholly from the binary.
 * The document is made at the first request, when all routes are there.
 */
export function swaggerUi(app: AnyElysia, facts: DocumentFacts) {
  let described: Promise<string> | undefined;
  let assetsKey: Promise<string> | undefined;
  return new Elysia({ name: "swagger-ui", detail: { hide: true } })
    .get("/swagger", async () => {
      assetsKey ??= contentKey();
      return new Response(swaggerPage(`/swagger/assets/${await assetsKey}`), { headers: pageHeaders });
    })
    .get("/swagger/json", async ({ request }) => {
      described ??= openApiDocument(app, facts);
      return documentAnswer(await described, request.headers.get("if-none-match"));
    })
    .get("/swagger/assets/:key/:name", async ({ params }) => {
      assetsKey ??= contentKey();
      if (params.key !== (await assetsKey)) throw apiError("NOT_FOUND");
      return assetAnswer(params.name);
    });
}

function documentAnswer(text: string, known: string | null): Response {
  const entityTag = `"${Bun.hash(text).toString(36)}"`;
  const headers = { ...everyAnswer, "Cache-Control": "no-cache", ETag: entityTag };
  if (known?.includes(entityTag)) return new Response(null, { status: 304, headers });
  return new Response(text, { headers: { ...headers, "Content-Type": "application/json; charset=utf-8" } });
}

function assetAnswer(name: string): Response {
  const asset = assets.get(name);
  if (asset === undefined) throw apiError("NOT_FOUND");
  return new Response(Bun.file(asset.path), {
    headers: {
      ...everyAnswer,
      "Content-Type": asset.type,
      "Cache-Control": "public, max-age=31536000, immutable",
    },
  });
}

/** A name for the present content of all assets. It is part of their path, so that browsers may keep them for ever. */
async function contentKey(): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const { path } of assets.values()) hasher.update(await Bun.file(path).arrayBuffer());
  return hasher.digest("hex").slice(0, 16);
}
