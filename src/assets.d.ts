/**
 * Files that are embedded in the binary: imported with `{ type: "text" }` for their content, `{ type: "file" }` for a
 * path to read.
 */
declare module "*.sql" {
  const content: string;
  export default content;
}

declare module "*.css" {
  const path: string;
  export default path;
}

declare module "*.svg" {
  const path: string;
  export default path;
}

/** A script for the browser, never run by the server. */
declare module "*.browser.js" {
  const path: string;
  export default path;
}

declare module "swagger-ui-dist/swagger-ui-bundle.js" {
  const path: string;
  export default path;
}
