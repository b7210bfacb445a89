import { render } from "preact";
import { Page } from "./page.js";
import { Store } from "./store.js";
import "./style.css";

const store = new Store();
render(<Page store={store} />, document.getElementById("page")!);
store.connect();
