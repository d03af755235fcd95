export { rowFits } from "./columns.js";
export { complete, KINDS } from "./complete.js";
export { diff, grownPoints } from "./diff.js";
export { arePairs } from "./drawable.js";
export { TRANSPORT, type Element } from "./element.js";
export { isOrderKey } from "./orderKey.js";
export { fromRow, toRow, type Passport } from "./row.js";
export { putOps, whyNotStorable, whyTooDeep } from "./storable.js";
