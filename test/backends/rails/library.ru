# A small library, as Rails scaffolds an API: authors with their books, books with their author. Every start makes its
# tables anew.

require "rails"
require "active_record/railtie"
require "action_controller/railtie"

DATABASE = File.expand_path("library.sqlite3", __dir__)
File.delete(DATABASE) if File.exist?(DATABASE)
ENV["DATABASE_URL"] = "sqlite3:#{DATABASE}?pool=5"

class Library < Rails::Application
  config.load_defaults 6.1
  config.root = __dir__
  config.api_only = true
  config.eager_load = false
  config.secret_key_base = "of a test"
  config.hosts.clear
  config.logger = Logger.new(nil)
  config.consider_all_requests_local = false

  routes.append do
    resources(:authors) { resources :books, only: %i[index create] }
    resources :books
  end
end

Library.initialize!

class Author < ActiveRecord::Base
  has_many :books, -> { order(:id) }, dependent: :destroy
  validates :name, presence: true

  def as_json(*)
    super.merge("books" => books.map { |book| { "id" => book.id, "title" => book.title } })
  end
end

class Book < ActiveRecord::Base
  belongs_to :author, counter_cache: true, touch: true
  validates :title, presence: true

  def as_json(*)
    super.merge("author" => { "id" => author.id, "name" => author.name })
  end
end

class RecordsController < ActionController::API
  rescue_from(ActiveRecord::RecordNotFound) { head :not_found }

  def update
    answer(record.update(fields), record)
  end

  def destroy
    record.destroy
    head :no_content
  end

  private

  def answer(saved, written, status: :ok)
    return render(json: written.errors, status: :unprocessable_entity) unless saved

    options = status == :created ? { location: url_for(action: :show, controller: controller_name, id: written) } : {}
    render json: written.reload, status: status, **options
  end
end

class AuthorsController < RecordsController
  # Rack::ETag makes the validator of the body.
  def index
    render json: Author.order(:id).as_json
  end

  # The validator is made of the record: its books touch it.
  def show
    render json: record if stale?(record)
  end

  def create
    author = Author.new(fields)
    answer(author.save, author, status: :created)
  end

  private

  def record
    @record ||= Author.find(params[:id])
  end

  def fields
    params.permit(:name)
  end
end

class BooksController < RecordsController
  def index
    books = params[:author_id] ? Book.where(author_id: params[:author_id]) : Book.all
    books = books.limit(3).offset(3 * (params[:page].to_i - 1)) if params[:page]
    render json: books.order(:id).as_json
  end

  # What is shown of the author belongs to the validator, or Rails would answer 304 after the author was renamed.
  def show
    render json: record if stale?(etag: [record, record.author])
  end

  def create
    book = Book.new(fields.merge(params.permit(:author_id)))
    answer(book.save, book, status: :created)
  end

  private

  def record
    @record ||= Book.find(params[:id])
  end

  def fields
    params.permit(:title, :author_id)
  end
end

ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table :authors do |t|
    t.string :name
    t.integer :books_count, default: 0
    t.timestamps
  end
  create_table :books do |t|
    t.string :title
    t.references :author
    t.timestamps
  end
end
%w[Ann Bob Cleo].each { |name| Author.create!(name: name) }
(1..5).each { |number| Book.create!(title: "b#{number}", author_id: number % 3 + 1) }

run Library
