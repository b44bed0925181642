"""A small library, as a project with Django REST framework has it: authors with their books, books with their author."""

import os
import sys

import django
from django.conf import settings
from django.core.management import call_command, execute_from_command_line

HERE = os.path.dirname(os.path.abspath(__file__))

settings.configure(
    DEBUG=False,
    SECRET_KEY="of a test",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(HERE, "library.sqlite3")}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
        "PAGE_SIZE": 4,
    },
)
django.setup()

from django.db import connection, models  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework import filters, routers, serializers, viewsets  # noqa: E402


class Author(models.Model):
    name = models.CharField(max_length=50)

    class Meta:
        app_label = "library"


class Book(models.Model):
    title = models.CharField(max_length=50)
    author = models.ForeignKey(Author, related_name="books", on_delete=models.CASCADE)

    class Meta:
        app_label = "library"


class BookOfAuthor(serializers.ModelSerializer):
    class Meta:
        model = Book
        fields = ["id", "title"]


class AuthorSerializer(serializers.ModelSerializer):
    books = BookOfAuthor(many=True, read_only=True)

    class Meta:
        model = Author
        fields = ["id", "name", "books"]


class BookSerializer(serializers.ModelSerializer):
    author_name = serializers.CharField(source="author.name", read_only=True)

    class Meta:
        model = Book
        fields = ["id", "title", "author", "author_name"]


class Authors(viewsets.ModelViewSet):
    queryset = Author.objects.order_by("id")
    serializer_class = AuthorSerializer


class Books(viewsets.ModelViewSet):
    serializer_class = BookSerializer
    filter_backends = [filters.SearchFilter]
    search_fields = ["title"]

    def get_queryset(self):
        books = Book.objects.order_by("id")
        author = self.request.query_params.get("author")
        return books if author is None else books.filter(author=author)


router = routers.DefaultRouter()
router.register("authors", Authors)
router.register("books", Books, basename="book")
urlpatterns = [path("", include(router.urls))]


def prepare():
    """Makes the tables and a little data."""
    if os.path.exists(settings.DATABASES["default"]["NAME"]):
        os.remove(settings.DATABASES["default"]["NAME"])
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        editor.create_model(Author)
        editor.create_model(Book)
    for name in ["Ann", "Bob", "Cleo"]:
        Author.objects.create(name=name)
    for number in range(1, 6):
        Book.objects.create(title=f"b{number}", author_id=number % 3 + 1)


if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        prepare()
    else:
        sys.modules["library"] = sys.modules[__name__]
        execute_from_command_line(sys.argv)
