// Making elements; text never becomes markup.
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

const find = (id) => document.getElementById(id);

// What a person can do something about; anything else is a fault of this page.
class Problem extends Error {}

// The result of `promise`, or a `Problem` after so many seconds.
function within(seconds, promise, problem) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Problem(problem)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
